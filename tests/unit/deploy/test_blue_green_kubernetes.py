"""How deploy.bluegreen speaks with Kubernetes, with a kubectl that writes down how it was called."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from deploy.bluegreen.kubernetes import ASK, Kubernetes
from deploy.bluegreen.place import ONLY_PERSISTED, DecidedMeanwhile, PlaceFailed, health

from aiops_common.settings import Colour
from support.servers import ROOT

BLUE, GREEN = Colour.BLUE, Colour.GREEN
# Answers from the file that KUBECTL_STATE names: the first whose key is in the words of the call. Calls go beside it.
KUBECTL = f"""#!{sys.executable}
import json, os, sys
state = os.environ["KUBECTL_STATE"]
words = "|".join(sys.argv[1:])
with open(state + ".calls", "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
for key, answer in json.load(open(state)).items():
    if key in words:
        if "fails" in answer:
            print(answer["fails"], file=sys.stderr)
            sys.exit(answer.get("status", 1))
        print(json.dumps(answer) if "text" not in answer else answer["text"])
        sys.exit(0)
sys.exit("no answer to " + words)
"""


def pod(service: str, name: str, **metadata: str) -> dict[str, object]:
    return {
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": service}, **metadata},
        "status": {"phase": "Running"},
        "spec": {"containers": [{"name": "serve", "image": f"registry.example.com/aiops/{service}:0.2.0"}]},
    }


class Cluster:
    """What kubectl says, and how it was asked."""

    def __init__(self, directory: Path) -> None:
        (directory / "kubectl").write_text(KUBECTL)
        (directory / "kubectl").chmod(0o755)
        self.state = directory / "state.json"
        self.place = Kubernetes("ops", (str(directory / "kubectl"),))

    def says(self, **answers: object) -> None:
        self.state.write_text(json.dumps(answers))

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in Path(f"{self.state}.calls").read_text().splitlines()]


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(tmp_path)
    monkeypatch.setenv("KUBECTL_STATE", str(made.state))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return made


def test_processes_are_the_pods_of_a_colour_that_stay(cluster: Cluster) -> None:
    leaving = pod("triage", "triage-green-2", deletionTimestamp="2026-01-01T00:00:00Z")
    evicted = {**pod("triage", "triage-green-3"), "status": {"phase": "Failed", "reason": "Evicted"}}
    cluster.says(pods={"items": [pod("triage", "triage-green-1"), leaving, evicted]})
    (process,) = cluster.place.processes(GREEN)
    assert (process.service, process.name, process.release) == ("triage", "triage-green-1", "triage:0.2.0")
    assert cluster.calls == [
        ["--namespace", "ops", "get", "pods", "--selector", "app.kubernetes.io/component=service,aiops/colour=green",
         "--output", "json"],
    ]  # fmt: skip


@pytest.mark.parametrize(("selector", "reached"), [({"aiops/colour": "green"}, GREEN), ({}, None)])
def test_clients_reach_what_the_service_selects(cluster: Cluster, selector: dict[str, str], reached: object) -> None:
    cluster.says(service={"spec": {"selector": {"app.kubernetes.io/name": "gateway", **selector}}})
    assert cluster.place.clients_reach() is reached


def test_clients_are_pointed_by_one_patch(cluster: Cluster) -> None:
    cluster.says(patch={})
    cluster.place.point_clients_at(GREEN)
    (call,) = cluster.calls
    assert call[:7] == ["--namespace", "ops", "patch", "service", "gateway", "--type", "merge"]
    assert json.loads(call[-1]) == {"spec": {"selector": {"aiops/colour": "green"}}}


def test_who_takes_the_work_is_decided_in_a_pod_of_the_service(cluster: Cluster) -> None:
    cluster.says(
        pods={"items": [pod("auth", "auth-green-1"), pod("triage", "triage-green-1")]},
        exec={"service": "triage", "active": ["blue", "green"], "before": ["blue"]},
    )
    cluster.place.let_take("triage", {GREEN, BLUE}, GREEN)
    command = ["exec", "triage-green-1", "--", "python", "-m", "aiops_triage", "colours", "--json"]
    assert cluster.calls[-1][2:] == [*command, "blue", "green"]
    assert cluster.place.taking("triage", GREEN) == {BLUE, GREEN}
    assert cluster.calls[-1][2:] == command
    with pytest.raises(PlaceFailed, match="no pod of summarizer is green"):
        cluster.place.taking("summarizer", GREEN)


def test_another_pod_decides_where_the_first_cannot(cluster: Cluster) -> None:
    cluster.says(
        pods={"items": [pod("triage", "triage-green-1"), pod("triage", "triage-green-2")]},
        **{"exec|triage-green-1": {"fails": "container not found"}, "exec|triage-green-2": {"active": ["green"]}},
    )
    assert cluster.place.taking("triage", GREEN) == {GREEN}


def test_who_decides_says_instead_of_whom(cluster: Cluster) -> None:
    cluster.says(pods={"items": [pod("triage", "triage-green-1")]}, exec={"active": ["green"]})
    cluster.place.let_take("triage", {GREEN}, GREEN, {GREEN, BLUE})
    assert cluster.calls[-1][-6:] == ["--json", "green", "--instead-of", "blue", "--instead-of", "green"]


@pytest.mark.parametrize(("first", "heard"), [(3, True), (1, False)])
def test_others_decided_unless_it_may_have_been_this_one(cluster: Cluster, first: int, *, heard: bool) -> None:
    pods = [pod("triage", "triage-green-1"), pod("triage", "triage-green-2")]
    cluster.says(
        pods={"items": pods},
        **{"exec|triage-green-1": {"fails": "gone", "status": first}, "exec": {"fails": "by green", "status": 3}},
    )
    with pytest.raises(PlaceFailed) as failed:
        cluster.place.let_take("triage", {GREEN}, GREEN, {BLUE})
    assert isinstance(failed.value, DecidedMeanwhile) is heard


def test_what_the_command_in_a_pod_says_is_no_answer(cluster: Cluster) -> None:
    cluster.says(pods={"items": [pod("triage", "triage-green-1")]}, exec={"text": "Defaulted container"})
    with pytest.raises(PlaceFailed, match="triage-green-1: its command `colours` said something else: Defaulted"):
        cluster.place.taking("triage", GREEN)


def test_a_process_is_asked_within_its_pod(cluster: Cluster) -> None:
    ready = {"text": json.dumps({"ready": False, "checks": {"broker": "not connected", "colour": "idle: blue"}})}
    cluster.says(pods={"items": [pod("triage", "triage-green-1")]}, exec=ready)
    (process,) = cluster.place.processes(GREEN)
    said = health(cluster.place, process)
    assert (said.turn, said.problems) == ("idle: blue", ("triage-green-1: broker: not connected",))
    assert cluster.calls[-1][2:6] == ["exec", "triage-green-1", "--", "python"]
    assert cluster.calls[-1][-1] == "/readyz"


def test_a_process_without_a_colour_is_not_fit(cluster: Cluster) -> None:
    cluster.says(pods={"items": [pod("triage", "triage-1")]}, exec={"text": '{"checks": {"broker": "ok"}}'})
    (process,) = cluster.place.processes(BLUE)
    assert health(cluster.place, process).problems == ("triage-1 knows no colour: set TRIAGE_COLOUR",)


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        ('{"data": {"__typename": "Query"}}', ()),
        (json.dumps({"errors": [{"message": f"{ONLY_PERSISTED}: send its id"}]}), ()),
        ("Internal Server Error", ("gateway-1 answers POST /graphql with no data: Internal Server Error",)),
        ("", ("gateway-1 answers POST /graphql with no data: ",)),
        *(
            (text, (f"gateway-1 answers POST /graphql with no data: {text}",))
            for text in ('{"data": null}', '{"errors": [{"message": "try again"}]}', '{"errors": []}', "[]", "1")
        ),
    ],
)
def test_a_gateway_is_asked_for_graphql_too(cluster: Cluster, answer: str, problems: tuple[str, ...]) -> None:
    cluster.says(
        pods={"items": [pod("gateway", "gateway-1")]},
        **{"/readyz": {"text": '{"checks": {"colour": "ok"}}'}, "/graphql": {"text": answer}},
    )
    (process,) = cluster.place.processes(BLUE)
    assert health(cluster.place, process).problems == problems
    assert cluster.calls[-1][2:6] == ["exec", "gateway-1", "--", "python"]
    assert cluster.calls[-1][-2:] == ["/graphql", '{"query": "{ __typename }"}']


class Broken(BaseHTTPRequestHandler):
    """A gateway that answers a POST with what it was sent, as a plain 500, and any other not before it is let."""

    released = threading.Event()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(500, explain=f"{self.headers['Content-Type']} {body.decode()}")

    def do_GET(self) -> None:
        self.released.wait(60)


def test_what_is_asked_within_a_pod_ends_whatever_the_server_does() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever).start()
        script = ASK.replace("20", "0.5").replace("8000", str(server.server_port))
        asked = [[sys.executable, "-c", script, "/graphql", "{}"], [sys.executable, "-c", script, "/readyz"]]
        answered, hung = [subprocess.run(one, capture_output=True, text=True, check=False) for one in asked]
        Broken.released.set()
        server.shutdown()
    assert (answered.returncode, "application/json {}" in answered.stdout) == (0, True)
    assert (hung.returncode, hung.stdout, hung.stderr) == (1, "", "TimeoutError('timed out')\n")


@pytest.mark.parametrize("text", ["", "<html>", "[]", '{"checks": 1}'])
def test_an_answer_that_is_none_is_a_problem(cluster: Cluster, text: str) -> None:
    cluster.says(pods={"items": [pod("triage", "triage-1")]}, exec={"text": text})
    (process,) = cluster.place.processes(BLUE)
    assert health(cluster.place, process).problems == ("triage-1 answers /readyz with no checks",)


def test_what_kubectl_refuses_is_told(cluster: Cluster) -> None:
    cluster.says(patch={"fails": "services is forbidden"})
    with pytest.raises(PlaceFailed, match="kubectl patch service gateway: services is forbidden"):
        cluster.place.point_clients_at(BLUE)
    with pytest.raises(PlaceFailed, match="there is no no-kubectl on the PATH"):
        Kubernetes("ops", ("no-kubectl",)).clients_reach()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.bluegreen", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_command_says_what_it_did_not_do(cluster: Cluster) -> None:
    cluster.says(service={"spec": {"selector": {"aiops/colour": "green"}}})
    done = run("switch", "green", "--namespace", "ops", "--context", "there")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith("if it shall have the work too: back green\n")
    assert cluster.calls[0][:4] == ["--context", "there", "--namespace", "ops"]


def test_the_command_shows_who_has_what(cluster: Cluster) -> None:
    cluster.says(
        pods={"items": [pod("gateway", "gateway-1")]},
        service={"spec": {"selector": {"aiops/colour": "blue"}}},
        **{"/readyz": {"text": '{"checks": {"colour": "ok"}}'}, "/graphql": {"data": {"__typename": "Query"}}},
        exec={"active": ["blue"]},
    )
    done = run("status", "--namespace", "ops")
    lines = done.stdout.splitlines()
    assert lines[:3] == ["clients reach blue", "blue  gateway     gateway:0.2.0", "      gateway-1: ok"]
    assert "green auth        no process" in lines
    # The fake has no pod of the others, so the last part is an error.
    assert (done.returncode, done.stderr) == (1, "no pod of auth is blue, so its schema cannot be reached\n")


@pytest.mark.parametrize("arguments", [("switch", "red", "--namespace", "ops"), ("switch", "green"), ("sideways",)])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).returncode == 2
