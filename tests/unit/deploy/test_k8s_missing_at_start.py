"""What a pod is started without, it names: where a whole Secret lacks a key, rendering cannot see it."""

import subprocess
import sys

import pytest

from support.manifests import SERVICES, Document, container, of_kind
from support.servers import ROOT

JOBS = {**of_kind("Job", "base"), **of_kind("Job", "overlays/dev")}
DEPLOYMENTS = of_kind("Deployment", "base")
FILES = {
    "/etc/aiops/roles.yaml": "deploy/postgres/roles.yaml",
    "/etc/aiops/topology.yaml": "deploy/rabbitmq/topology.yaml",
}


def _started(workload: Document) -> subprocess.CompletedProcess[str]:
    """The command of a pod, with none of its variables."""
    only = container(workload)
    service = only["image"].removeprefix("aiops-")
    program = only.get("command", ["python", "-m", f"aiops_{service}"])[1:]
    arguments = [str(ROOT / FILES[word]) if word in FILES else word for word in only.get("args", ["serve"])]
    return subprocess.run(
        [sys.executable, *program, *arguments], env={}, cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("workload", [*DEPLOYMENTS.values(), *JOBS.values()], ids=[*DEPLOYMENTS, *JOBS])
def test_a_pod_without_its_secrets_ends_at_once_and_names_each(workload: Document) -> None:
    """All but the first administrator: whoever has one already needs it no more."""
    ended = _started(workload)
    wanted = {
        one["name"]
        for one in container(workload)["env"]
        if one["valueFrom"]["secretKeyRef"].get("optional") is not True and not one["name"].startswith("AUTH_ADMIN")
    }
    assert ended.returncode == 2
    assert [name for name in wanted if name not in ended.stderr] == []


@pytest.mark.parametrize(("job", "server"), [("provision-postgres", "POSTGRES"), ("provision-rabbitmq", "RABBITMQ")])
def test_a_provisioner_names_every_password_that_is_not_there(job: str, server: str) -> None:
    told = _started(JOBS[job]).stderr
    assert [name for name in SERVICES if f"{server}_PASSWORD_{name.upper()}" not in told] == []
