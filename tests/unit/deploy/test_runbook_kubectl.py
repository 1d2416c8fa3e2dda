"""What the pages tell to run with kubectl is known to it, and names objects, containers and phases that there are."""

import re
import shlex
import shutil
import subprocess
from itertools import pairwise

import pytest

from support.alerts import RUNBOOK
from support.manifests import container, documents, of_kind
from support.servers import ROOT

PAGES = (RUNBOOK, ROOT / "docs" / "migrations.md", ROOT / "README.md")
# In a line of code, which is indented or stands in a fence, or in backticks.
_CODE = re.compile(r"^(?: {4,}.*?)?(kubectl .+)$|`(kubectl [^`]+)`", re.MULTILINE)
# Up to what the shell does with it; what stands in quotes is one word.
_WORDS = re.compile(r"kubectl(?: (?:[^\s'|<>&)#]|'[^']*')+)+")
_MADE_BY_OPERATORS = {
    "service": {"postgres-rw"},
    "pod": {"rabbitmq-server-0", "rabbitmq-server-2", "postgres-2"},
    "pvc": {"persistence-rabbitmq-server-2", "postgres-2", "data-postgres-0"},
}
_KINDS = {
    "bindings.rabbitmq.com": "Binding", "clusters.postgresql.cnpg.io": "Cluster", "deployment": "Deployment",
    "horizontalpodautoscaler": "HorizontalPodAutoscaler", "job": "Job", "pod": "Pod", "pvc": "PersistentVolumeClaim",
    "rabbitmqcluster": "RabbitmqCluster", "scaledobjects.keda.sh": "ScaledObject", "secret": "ExternalSecret",
    "service": "Service",
}  # fmt: skip


def _commands() -> list[str]:
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fenced = {line for block in text.split("```")[1::2] for line in block.splitlines()}
        for line, inline in _CODE.findall(text):
            if line and line not in fenced and f"\n{line}\n" in text:
                continue  # prose that was wrapped there
            code = re.sub(r"\s+", " ", line or inline)
            found |= {match.strip() for match in _WORDS.findall(code)}
    return sorted(found)


COMMANDS = _commands()


def _split(command: str) -> tuple[list[str], list[str]]:
    """The words of kubectl, and what it is to run in a container."""
    words = shlex.split(command)
    at = words.index("--") if "--" in words else len(words)
    return words[1:at], words[at + 1 :]


def _bare(words: list[str]) -> list[str]:
    """Without options and their values."""
    valued = {
        "-k", "-n", "--limits",
        "--command", "--condition", "--container", "--for", "--kustomize", "--namespace", "--output", "--patch",
        "--replicas", "--selector", "--tail", "--timeout", "--type",
    }  # fmt: skip
    return [
        word
        for before, word in zip(["", *words], words, strict=False)
        if not word.startswith("-") and before not in valued
    ]


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("command", COMMANDS)
def test_kubectl_knows_the_command_and_its_options(command: str) -> None:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("there is no kubectl; with one on the PATH this runs")
    words, _ = _split(command)
    # It reads the options before it shows its help, and asks no cluster for that.
    ended = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def _named(command: str) -> list[tuple[str, str]]:
    """Kind and name of each object."""
    verb, *words = _bare(_split(command)[0])
    if verb == "exec" and "/" not in words[0]:
        return [("pod", words[0])]
    if words and words[0] in _KINDS:
        # A label, an annotation or a setting is no name.
        return [(words[0], name) for name in words[1:] if not {"=", "/"} & set(name)]
    return [(kind, name) for kind, slash, name in (word.partition("/") for word in words) if slash]


@pytest.mark.parametrize("command", [one for one in COMMANDS if " config " not in one])
def test_what_it_names_is_there(command: str) -> None:
    for kind, name in _named(command):
        assert name in {*of_kind(_KINDS[kind]), *_MADE_BY_OPERATORS.get(kind, ())}, f"there is no {kind} {name}"


def test_objects_are_recognised() -> None:
    named = [one for command in COMMANDS for one in _named(command)]
    assert set(_KINDS) - {"horizontalpodautoscaler"} <= {kind for kind, _ in named}
    assert ("scaledobjects.keda.sh", "triage") in named
    assert len(named) > 25


def test_what_is_run_in_a_container_is_a_program_that_it_has() -> None:
    run = {words[0] for words in (_split(command)[1] for command in COMMANDS) if words}
    assert run == {"psql", "python", "rabbitmq-queues", "rabbitmqctl", "sh"}
    chosen = {word for one in COMMANDS for before, word in pairwise(_split(one)[0]) if before == "--container"}
    assert chosen == {container(one)["name"] for one in of_kind("StatefulSet", "overlays/dev").values()}


def test_a_selector_of_pods_selects_some() -> None:
    selectors = {
        word for command in COMMANDS for word in _split(command)[0] if word.startswith("app.kubernetes.io/name=")
    }
    names = {
        one["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"]
        for one in documents()
        if one["kind"] in ("Deployment", "StatefulSet", "Job")
    }
    assert selectors
    assert {selector.partition("=")[2] for selector in selectors} <= names
