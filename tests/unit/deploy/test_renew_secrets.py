"""What deploy/k8s/renew_secrets.sh does, with a kubectl that writes down how it was called."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.servers import ROOT

SCRIPT = ROOT / "deploy" / "k8s" / "renew_secrets.sh"
# One call a line, its words parted by |, and after them what stands on standard input. A secret is fetched anew once it
# is annotated, unless NEVER is set; the cluster has operators where OPERATORS is set.
KUBECTL = f"""#!{sys.executable} -IS
import os, sys
words = "|".join(sys.argv[1:])
here = os.path.dirname(sys.argv[0])
said = sys.stdin.read() if "/dev/stdin" in words else ""
with open(here + "/calls", "a") as calls:
    calls.write(words.replace("\\n", " ") + said + "\\n")
if "|force-sync" in words and not os.environ["NEVER"]:
    open(here + "/fetched", "a").write(sys.argv[4] + " ")
fetched = os.path.exists(here + "/fetched") and sys.argv[4] in open(here + "/fetched").read().split()
answers = {{
    "get|externalsecrets": "externalsecret/triage\\nexternalsecret/rabbitmq-triage",
    "get|users.": "user/triage",
    "refreshTime": "later" if fetched else "before",
    "importCredentialsSecret": "rabbitmq-triage",
    "status.credentials": os.environ["COPY"],
    "data.password": "bmV3",
    "get|deployment": "deployment.apps/triage",
}}
custom = "get|externalsecrets" in words or "get|users." in words
if custom and os.environ["OPERATORS"] == "forbidden":
    sys.exit("Error from server (Forbidden): may not list what it asked for")
if custom and not os.environ["OPERATORS"]:
    sys.exit("error: the server doesn't have a resource type \\"" + sys.argv[4].split(".")[0] + "\\"")
print(next((answer for part, answer in answers.items() if part in words), ""))
"""
OURS = "--namespace|ops"

Renew = Callable[..., tuple["subprocess.CompletedProcess[str]", list[str]]]


@pytest.fixture
def renew(tmp_path: Path) -> Renew:
    """Runs it; how it ended, and the calls of kubectl that change something."""
    (tmp_path / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (tmp_path / "kubectl").chmod(0o755)

    def run(
        *, operators: bool | str, never: bool = False, copy: str = "triage-user-credentials"
    ) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        variables = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "SECONDS_TO_WAIT": "0" if never else "7",
            "OPERATORS": str(operators or ""), "NEVER": "yes" if never else "", "COPY": copy,
        }  # fmt: skip
        ended = subprocess.run(
            ["/bin/sh", str(SCRIPT), "the/overlay", "ops"], env=variables, capture_output=True, text=True, check=False
        )
        calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
        return ended, [call for call in calls if "|get|" not in call and "|aiops-b" not in call]

    return run


def test_they_are_fetched_given_to_the_servers_and_then_shown(renew: Renew) -> None:
    ended, calls = renew(operators=True)
    assert ended.returncode == 0, ended.stderr
    for call, secret in zip(calls[:4:2], ("triage", "rabbitmq-triage"), strict=True):
        assert call.startswith(f"{OURS}|annotate|externalsecret/{secret}|--overwrite|force-sync=")
    patched, annotated, *rest = calls[4:]
    assert patched == (
        f"{OURS}|patch|secret|triage-user-credentials|--type|merge|--patch-file|/dev/stdin"
        '{"data": {"password": "bmV3"}}'
    )
    assert annotated.startswith(f"{OURS}|annotate|user/triage|--overwrite|aiops-renewed=")
    kinds = [call.removeprefix(f"{OURS}|").split("|")[0] for call in rest]
    assert kinds == ["delete", "apply", "wait", "apply", "rollout", "apply", "rollout", "rollout", "rollout"]
    assert [call.split("|")[3] for call in rest[-2:]] == ["restart", "status"]


def test_without_operators_what_the_overlay_holds_is_applied(renew: Renew) -> None:
    ended, calls = renew(operators=False)
    assert ended.returncode == 0, ended.stderr
    assert calls[0].startswith(f"{OURS}|delete|job")
    assert calls[-1].startswith(f"{OURS}|rollout|status|deployment.apps/triage")


def test_secrets_that_may_not_be_listed_are_not_taken_for_none(renew: Renew) -> None:
    ended, calls = renew(operators="forbidden")
    assert ended.returncode == 1
    assert "Forbidden" in ended.stderr
    assert calls == []


def test_one_that_the_store_does_not_give_ends_it_before_anything_is_restarted(renew: Renew) -> None:
    ended, calls = renew(operators=True, never=True)
    assert ended.returncode == 1
    assert "externalsecret/triage was not fetched within 0 seconds" in ended.stderr
    assert not [call for call in calls if "rollout" in call or "apply" in call]


def test_no_password_stands_in_an_argument(renew: Renew) -> None:
    _, calls = renew(operators=True)
    assert not [call for call in calls if "bmV3" in call.partition("/dev/stdin")[0]]


@pytest.mark.parametrize("copy", ["", "rabbitmq-triage"])
def test_an_operator_that_keeps_no_copy_sees_by_itself(renew: Renew, copy: str) -> None:
    ended, calls = renew(operators=True, copy=copy)
    assert ended.returncode == 0, ended.stderr
    assert not [call for call in calls if "|patch|" in call]
