"""A service that somebody adds and forgets to name somewhere is told where; so is this check itself checked."""

import shutil
from pathlib import Path

import pytest

from architecture.sixth_service import K8S_BASE, TRACE_TABLE, missing
from architecture.sources import ROOT, services

_NAMED_IN = (
    ".importlinter",
    "pyproject.toml",
    "deploy/postgres/roles.yaml",
    "deploy/rabbitmq/topology.yaml",
    TRACE_TABLE,
)
_COMPOSE = """\
services:
  triage: {}
  migrate-triage: {}
  protect-postgres: {depends_on: {migrate-triage: {}}}
"""


@pytest.mark.parametrize("service", services())
def test_a_service_is_named_everywhere(service: str) -> None:
    told = missing(ROOT, service)
    assert not told, "\n".join([f"{service} is not complete:", *told])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one complete service, triage, and one that only has a folder, billing."""
    for name in _NAMED_IN:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "docker-compose.yml").write_text(_COMPOSE)
    (tmp_path / K8S_BASE).mkdir(parents=True)
    (tmp_path / K8S_BASE / "kustomization.yaml").write_text("resources: [triage]\n")
    _add_folders(tmp_path, "triage")
    (tmp_path / "services" / "billing").mkdir(parents=True)
    return tmp_path


def _add_folders(root: Path, service: str) -> None:
    package = root / "services" / service / "src" / f"aiops_{service}"
    (package / "migrations").mkdir(parents=True)
    (package / "migrations" / "__init__.py").touch()
    for module in ("__main__", "app", "consumers", "domain", "repository", "service", "settings"):
        (package / f"{module}.py").touch()
    for file in (
        f"services/{service}/README.md",
        f"tests/unit/{service}/test_x.py",
        f"tests/contract/golden/{service}.x.v1.json",
        f"libs/contracts/src/aiops_contracts/{service}.py",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    manifests = root / K8S_BASE / service
    manifests.mkdir()
    (manifests / "deployment.yaml").write_text(f"metadata: {{name: {service}}}\n")
    (manifests / "migrate.yaml").write_text(f"metadata: {{name: migrate-{service}}}\n")


def test_a_complete_service_lacks_nothing(checkout: Path) -> None:
    assert missing(checkout, "triage") == []


def test_a_sixth_service_is_told_everything_that_it_lacks(checkout: Path) -> None:
    places = {line.split(":")[0].split(" ")[0] for line in missing(checkout, "billing")}
    assert places == {
        "services/billing/README.md",
        "services/billing/src/aiops_billing",
        ".importlinter",
        "pyproject.toml",
        "deploy/postgres/roles.yaml",
        "deploy/rabbitmq/topology.yaml",
        "docker-compose.yml",
        "deploy/k8s/base/kustomization.yaml",
        "deploy/k8s/base/billing/deployment.yaml",
        "deploy/k8s/base/billing/migrate.yaml",
        "libs/contracts/src/aiops_contracts/billing.py",
        "tests/contract/golden/billing.*.json",
        "tests/e2e/trace_table.py",
        "tests/unit/billing/",
    }


def test_a_sixth_service_that_is_named_everywhere_lacks_nothing(checkout: Path) -> None:
    for name in (*_NAMED_IN, "docker-compose.yml", f"{K8S_BASE}/kustomization.yaml"):
        file = checkout / name
        file.write_text(file.read_text().replace("triage", "billing"))
    _add_folders(checkout, "billing")
    assert missing(checkout, "billing") == []


@pytest.mark.parametrize(
    "name",
    [
        *_NAMED_IN,
        "docker-compose.yml",
        *(f"{K8S_BASE}/{file}.yaml" for file in ("kustomization", "triage/deployment", "triage/migrate")),
    ],
)
def test_each_place_is_looked_at(checkout: Path, name: str) -> None:
    file = checkout / name
    file.write_text(file.read_text().replace("triage", "billing"))
    told = missing(checkout, "triage")
    assert told
    assert all(line.startswith(name) for line in told)


def test_a_service_that_owns_no_message_needs_no_contracts(checkout: Path) -> None:
    (checkout / "deploy/rabbitmq/topology.yaml").write_text("services: {gateway: {publishes: [commands]}}\n")
    assert not [line for line in missing(checkout, "gateway") if "contract" in line and ".importlinter" not in line]
