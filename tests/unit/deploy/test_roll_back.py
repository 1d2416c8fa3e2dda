"""Where `deploy/k8s/roll_out.sh back` leads, with a kubectl that keeps deployments and their revisions in a file."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.servers import ROOT

REVISION = "deployment.kubernetes.io/revision"
SCRIPT = ROOT / "deploy" / "k8s" / "roll_out.sh"
# What each has: its image, its annotations, its revisions (number → image), whether its pods come up. As in Kubernetes,
# a revision that is gone back to gets a new number, and its old one is no more.
KUBECTL = f"""#!{sys.executable} -IS
import json, os, sys
words = sys.argv[1:]
state = json.load(open(os.environ["STATE"]))
have, wanted = state["deployments"], state["overlay"]
REVISION = "deployment.kubernetes.io/revision"

def put(name, image):
    one = have.setdefault(name, {{"annotations": {{}}, "revisions": {{}}}})
    if image in one["revisions"].values() and one["revisions"][one["annotations"][REVISION]] == image:
        return
    number = str(max(map(int, one["revisions"]), default=0) + 1)
    one["revisions"] = {{n: i for n, i in one["revisions"].items() if i != image}} | {{number: image}}
    one["annotations"][REVISION] = number

def selected(names):
    selector = words[words.index("--selector") + 1]
    left_out = {{"gateway"}} if "!=gateway" in selector else set()
    return [one for one in names if one not in left_out and ("name=gateway" not in selector or one == "gateway")]

name = words[4].removeprefix("deployment.apps/") if len(words) > 4 else ""
if words[0] == "apply":
    for one in selected(wanted):
        put(one, wanted[one])
elif words[2:4] == ["get", "deployment"]:
    print("\\n".join("deployment.apps/" + one for one in selected(sorted(have))))
elif words[2] == "get":
    key = words[5].split("annotations.", 1)[1].rstrip("}}").replace("\\\\.", ".")
    print(have[words[3].removeprefix("deployment.apps/")]["annotations"].get(key, ""), end="")
elif words[2] == "annotate":
    for word in words[4:]:
        key, _, value = word.partition("=")
        if word.endswith("-"):
            have[words[3].removeprefix("deployment.apps/")]["annotations"].pop(word[:-1], None)
        elif word != "--overwrite":
            have[words[3].removeprefix("deployment.apps/")]["annotations"][key] = value
elif words[2:4] == ["rollout", "undo"]:
    revisions = have[name]["revisions"]
    number = words[words.index("--to-revision") + 1]
    if number not in revisions:
        sys.exit("error: unable to find specified revision " + number + " in history")
    put(name, revisions[number])
elif words[2:4] == ["rollout", "status"]:
    one = have[name]
    if one["revisions"][one["annotations"][REVISION]] in state["broken"]:
        print("Waiting for deployment spec update to be observed...")
        sys.exit("--watch=false" not in words)
    print("deployment successfully rolled out")
json.dump(state, open(os.environ["STATE"], "w"))
"""


@dataclass(frozen=True)
class Cluster:
    """Its deployments, as the kubectl beside it sees them."""

    folder: Path

    def images(self) -> dict[str, str]:
        """What each deployment runs."""
        state = json.loads((self.folder / "state").read_text(encoding="utf-8"))
        return {name: one["revisions"][one["annotations"][REVISION]] for name, one in state["deployments"].items()}

    def phase(self, phase: str, overlay: Mapping[str, str] | None = None, broken: str = "") -> int:
        """Run one; ``overlay`` has the image of each service, of which ``broken`` does not come up. The exit code."""
        file = self.folder / "state"
        before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"deployments": {}, "overlay": {}}
        file.write_text(json.dumps({**before, "overlay": overlay or before["overlay"], "broken": [broken]}))
        variables = {"PATH": f"{self.folder}:{os.environ['PATH']}", "STATE": str(file)}
        ended = subprocess.run(
            ["/bin/sh", str(SCRIPT), phase, "overlay", "ops"], env=variables, capture_output=True, check=False
        )
        return ended.returncode

    def restart(self, name: str) -> None:
        """As `kubectl rollout restart` does: the same image, by a revision of its own."""
        file = self.folder / "state"
        state = json.loads(file.read_text(encoding="utf-8"))
        one = state["deployments"][name]
        number = str(int(one["annotations"][REVISION]) + 1)
        one["revisions"][number] = one["revisions"][one["annotations"][REVISION]] + " restarted"
        one["annotations"][REVISION] = number
        file.write_text(json.dumps(state))


def release(number: int, **others: int) -> dict[str, str]:
    """The images of a release; of ``others`` that of another one."""
    return {name: f"{name}:{others.get(name, number)}" for name in ("auth", "gateway", "triage")}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """One that had release 1 and has release 2."""
    (tmp_path / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (tmp_path / "kubectl").chmod(0o755)
    made = Cluster(tmp_path)
    assert [made.phase("services", release(number)) for number in (1, 2)] == [0, 0]
    assert made.images() == release(2)
    return made


def test_it_leads_to_the_release_before(cluster: Cluster) -> None:
    assert cluster.phase("services", release(3)) == 0
    assert cluster.phase("back") == 0
    assert cluster.images() == release(2)


def test_what_the_release_did_not_reach_stays(cluster: Cluster) -> None:
    assert cluster.phase("services", release(3), broken="gateway:3") == 1
    assert cluster.images() == release(2, gateway=3)
    assert cluster.phase("back") == 0
    assert cluster.images() == release(2)


def test_what_the_release_did_not_change_stays(cluster: Cluster) -> None:
    assert cluster.phase("services", release(3, auth=2)) == 0
    assert cluster.phase("back") == 0
    assert cluster.images() == release(2)


def test_a_release_that_never_came_up_is_not_gone_back_to(cluster: Cluster) -> None:
    for number in (3, 4):
        assert cluster.phase("services", release(number), broken=f"triage:{number}") == 1
        assert cluster.images() == release(number)
    assert cluster.phase("back") == 0
    assert cluster.images() == release(2)


def test_a_second_time_changes_nothing(cluster: Cluster) -> None:
    assert cluster.phase("services", release(3)) == 0
    assert [cluster.phase("back"), cluster.phase("back")] == [0, 0]
    assert cluster.images() == release(2)


def test_after_it_the_next_release_leads_back_to_where_it_led(cluster: Cluster) -> None:
    assert [cluster.phase("services", release(3)), cluster.phase("back")] == [0, 0]
    assert [cluster.phase("services", release(4)), cluster.phase("back")] == [0, 0]
    assert cluster.images() == release(2)


def test_the_same_release_once_more_and_a_restart_are_no_release(cluster: Cluster) -> None:
    assert [cluster.phase("services", release(3)), cluster.phase("services", release(3))] == [0, 0]
    cluster.restart("auth")
    assert cluster.phase("back") == 0
    assert cluster.images() == release(2)


def test_what_was_not_there_before_stays(cluster: Cluster) -> None:
    assert cluster.phase("services", {**release(3), "sixth": "sixth:3"}) == 0
    assert cluster.phase("back") == 0
    assert cluster.images() == {**release(2), "sixth": "sixth:3"}
