"""What deploy/k8s/roll_out.sh does, with a kubectl that writes down how it was called.

Where `back` leads is in test_roll_back.py.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.servers import ROOT

SCRIPT = ROOT / "deploy" / "k8s" / "roll_out.sh"
# One call a line, its words parted by |. It fails where its words hold KUBECTL_FAILS. auth and gateway are at revision
# 7, triage at 3; KUBECTL_NOTES says what was noted of which (gateway=5). With KUBECTL_ONCE it fails for the first time
# only.
KUBECTL = f"""#!{sys.executable} -IS
import os, sys
words = "|".join(sys.argv[1:]).replace("\\n", " ")
with open(os.environ["KUBECTL_CALLS"], "a") as calls:
    calls.write(words + "\\n")
if "|get|deployment|" in words and "|empty|" not in words:
    gateways, others = ["gateway"], ["auth", "triage"]
    found = others if "!=" in words else gateways if "name=gateway" in words else others + gateways
    print("\\n".join("deployment.apps/" + name for name in found))
if "|jsonpath=" in words:
    notes = dict(note.split("=") for note in os.environ["KUBECTL_NOTES"].split())
    name = words.partition("deployment.apps/")[2].partition("|")[0]
    revision = "3" if name == "triage" else "7"
    print(notes.get(name, "") if "aiops-before" in words else "" if "aiops-begun" in words else revision, end="")
if "readyz" in words:
    print("database: ok schema: ok broker: not connected")
fails = bool(os.environ["KUBECTL_FAILS"]) and os.environ["KUBECTL_FAILS"] in words
again = os.environ["KUBECTL_ONCE"] and open(os.environ["KUBECTL_CALLS"]).read().splitlines().count(words) > 1
sys.exit(fails and not again)
"""
OURS = "--namespace|ops"
SERVICE = "app.kubernetes.io/component=service"

Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def roll_out(tmp_path: Path) -> Callable[..., tuple[Ended, list[str]]]:
    """Runs a phase; how it ended, and the calls of kubectl."""
    (tmp_path / "kubectl").write_text(KUBECTL, encoding="utf-8")
    (tmp_path / "kubectl").chmod(0o755)

    def run(
        *arguments: str, fails: str = "", once: bool = False, notes: str = "", seconds: str = "7000"
    ) -> tuple[Ended, list[str]]:
        calls = tmp_path / "calls"
        calls.write_text("", encoding="utf-8")
        variables = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}", "KUBECTL_CALLS": str(calls), "KUBECTL_FAILS": fails,
            "KUBECTL_NOTES": notes, "KUBECTL_ONCE": "yes" if once else "", "SECONDS_TO_WAIT": seconds,
        }  # fmt: skip
        ended = subprocess.run(
            ["/bin/sh", str(SCRIPT), *arguments], env=variables, capture_output=True, text=True, check=False
        )
        return ended, calls.read_text(encoding="utf-8").splitlines()

    return run


RollOut = Callable[..., tuple[Ended, list[str]]]


def test_expand_waits_for_the_jobs_and_leaves_the_services_alone(roll_out: RollOut) -> None:
    ended, calls = roll_out("expand", "the/overlay", "ops")
    assert ended.returncode == 0
    removed, applied, waited = calls
    assert removed.startswith(f"{OURS}|delete|job|--selector|")
    assert applied == "apply|--kustomize|the/overlay|--selector|app.kubernetes.io/component!=service"
    assert waited.startswith(
        f"{OURS}|wait|--for|condition=complete|job|--selector|app.kubernetes.io/component in (migr"
    )
    assert re.search(r"\|--timeout\|(7000|69\d\d)s$", waited)


def test_what_is_refused_before_its_secrets_are_fetched_is_applied_again_after(roll_out: RollOut) -> None:
    ended, calls = roll_out("expand", "the/overlay", "ops", fails="apply|", once=True)
    assert ended.returncode == 0
    _, applied, fetched, again, waited = calls
    assert fetched.startswith(f"{OURS}|wait|--for|condition=Ready|externalsecrets.external-secrets.io|--all|--timeout|")
    assert again == applied
    assert "condition=complete" in waited


def test_gateways_are_there_before_whoever_sends_them_events(roll_out: RollOut) -> None:
    ended, calls = roll_out("services", "the/overlay", "ops")
    assert ended.returncode == 0
    selected = f"apply|--kustomize|the/overlay|--selector|{SERVICE},app.kubernetes.io/name"
    done = [call.partition("|--timeout|")[0] for call in calls if "|--timeout|" in call or call.startswith("apply")]
    assert done == [
        f"{selected}=gateway",
        f"{OURS}|rollout|status|deployment.apps/gateway",
        f"{selected}!=gateway",
        f"{OURS}|rollout|status|deployment.apps/auth",
        f"{OURS}|rollout|status|deployment.apps/triage",
    ]


def test_every_service_is_asked_what_it_misses(roll_out: RollOut) -> None:
    ended, calls = roll_out("health", "the/overlay", "ops")
    assert ended.returncode == 0
    asked = [call.partition("|--|python|-c|")[0] for call in calls[1:]]
    assert asked == [f"{OURS}|exec|deployment.apps/{name}" for name in ("auth", "triage", "gateway")]
    assert ended.stdout.count("broker: not connected") == 3


@pytest.mark.parametrize(
    ("phase", "fails"),
    [
        ("expand", "|wait|"), ("expand", "apply|"), ("expand", "|delete|"),
        ("services", "|status|deployment.apps/auth|--timeout|"), ("services", "apply|"), ("services", "|annotate|"),
        ("health", "|deployment.apps/auth|"), ("health", "|get|deployment|"),
        ("back", "|undo|"), ("back", "|status|deployment.apps/auth|"), ("back", "|get|deployment.apps/auth|"),
    ],
)  # fmt: skip
def test_a_phase_that_fails_says_so_and_goes_no_further(roll_out: RollOut, phase: str, fails: str) -> None:
    ended, calls = roll_out(phase, "the/overlay", "ops", fails=fails, notes="auth=5 gateway=5")
    assert ended.returncode == 1
    changing = [call for call in calls if not {"get", "logs"} & set(call.split("|")) or fails in call]
    assert fails in changing[-1]


@pytest.mark.parametrize(
    ("phase", "fails", "whose"),
    [
        ("expand", "|wait|", "app.kubernetes.io/component in (migration"),
        ("services", "|status|deployment.apps/gateway|--timeout|", f"{SERVICE},app.kubernetes.io/name=gateway"),
        ("back", "|status|deployment.apps/auth|", f"{SERVICE},app.kubernetes.io/name!=gateway"),
    ],
)
def test_what_does_not_come_up_is_shown(roll_out: RollOut, phase: str, fails: str, whose: str) -> None:
    _, calls = roll_out(phase, "the/overlay", "ops", fails=fails, notes="auth=5")
    pods, logs = calls[-2:]
    assert pods.startswith(f"{OURS}|get|pods|--selector|{whose}")
    assert logs.startswith(f"{OURS}|logs|--selector|{whose}")


def test_a_phase_that_is_out_of_time_waits_no_longer(roll_out: RollOut) -> None:
    _, calls = roll_out("expand", "the/overlay", "ops", seconds="0")
    # Of kubectl, 0 s would be for ever.
    assert calls[-1].endswith("|--timeout|1s")


@pytest.mark.parametrize("phase", ["services", "health", "back"])
def test_a_namespace_without_services_is_no_success(roll_out: RollOut, phase: str) -> None:
    ended, _ = roll_out(phase, "the/overlay", "empty")
    assert ended.returncode == 1
    assert "the namespace empty has no deployment with" in ended.stderr


def test_back_takes_the_services_back_the_gateways_last_and_nothing_else(roll_out: RollOut) -> None:
    ended, calls = roll_out("back", "the/overlay", "ops", notes="gateway=6 auth=5 triage=2")
    assert ended.returncode == 0
    assert [call for call in calls if "|undo|" in call] == [
        f"{OURS}|rollout|undo|deployment.apps/{name}|--to-revision|{revision}"
        for name, revision in (("auth", 5), ("triage", 2), ("gateway", 6))
    ]
    assert not [call for call in calls if "job" in call or "apply" in call]


def test_what_is_asked_of_a_service_tells_its_checks_and_fails_unless_all_pass() -> None:
    asked = SCRIPT.read_text(encoding="utf-8").partition("ASK='")[2].partition("'\n")[0]
    stub = """
import http.client, io
class Connection:
    def __init__(self, *_, **__): pass
    def request(self, *_): pass
    def getresponse(self): return io.BytesIO(b'{"ready": true, "checks": {"database": "ok", "broker": "%s"}}')
http.client.HTTPConnection = Connection
"""
    for broker, code in (("ok", 0), ("not connected", 1)):
        program = (stub % broker) + asked
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stdout) == (code, f"database: ok broker: {broker}\n"), ended.stderr


@pytest.mark.parametrize("arguments", [("sideways", "o", "n"), ("expand", "the/overlay"), ()])
def test_wrong_usage_changes_nothing(roll_out: RollOut, arguments: tuple[str, ...]) -> None:
    ended, calls = roll_out(*arguments)
    assert ended.returncode == 2
    assert ended.stderr
    assert calls == []
