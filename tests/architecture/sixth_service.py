"""What a service needs beside its own folder: every place that must name it."""

import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TRACE_TABLE = "tests/e2e/trace_table.py"
K8S_BASE = "deploy/k8s/base"
_MODULES = ("__main__", "app", "consumers", "domain", "migrations", "repository", "service", "settings")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A repository at ``root``, read as far as it exists."""

    root: Path

    def import_rules(self, section: str, option: str) -> set[str]:
        """Module names that one option of .importlinter lists."""
        rules = configparser.ConfigParser(interpolation=None)
        rules.read_string(self._text(".importlinter"))
        listed = rules.get(section, option, fallback="")
        return set(listed.replace("|", " ").replace("(", " ").replace(")", " ").split())

    def toml(self) -> dict[str, Any]:
        """The workspace's pyproject.toml."""
        return tomllib.loads(self._text("pyproject.toml"))

    def yaml(self, path: str) -> Any:
        """A YAML file; an empty mapping where there is none."""
        return yaml.safe_load(self._text(path)) or {}

    def names_in_trace_table(self) -> set[str]:
        """The services that have a span in the table of spans."""
        return set(re.findall(r"^ +(\w+) [A-Z]+ ", self._text(TRACE_TABLE), re.MULTILINE))

    def _text(self, path: str) -> str:
        file = self.root / path
        return file.read_text(encoding="utf-8") if file.is_file() else ""


def missing(root: Path, service: str) -> list[str]:
    """What ``service`` lacks in the repository at ``root``, one line for each place, saying what to add."""
    checkout = Checkout(root)
    found = [
        *_readme(root, service),
        *_modules(root, service),
        *_import_rules(checkout, service),
        *_tools(checkout, service),
    ]
    found += _deployment(checkout, service)
    if _owns_messages(checkout, service):
        found += _contracts(checkout, service)
    if service not in checkout.names_in_trace_table():
        found.append(f"{TRACE_TABLE}: no story has a span of {service}")
    if not any((root / "tests" / "unit" / service).glob("**/test_*.py")):
        found.append(f"tests/unit/{service}/: no tests")
    return found


def _modules(root: Path, service: str) -> Iterator[str]:
    package = root / "services" / service / "src" / f"aiops_{service}"
    for module in _MODULES:
        if not (package / f"{module}.py").is_file() and not (package / module / "__init__.py").is_file():
            yield f"services/{service}/src/aiops_{service}: no module {module}"


def _readme(root: Path, service: str) -> Iterator[str]:
    if not (root / "services" / service / "README.md").is_file():
        yield f"services/{service}/README.md: not there; one page: what it consumes and publishes, tables, settings"


def _import_rules(checkout: Checkout, service: str) -> Iterator[str]:
    package = f"aiops_{service}"
    for section, option in (
        ("importlinter", "root_packages"),
        ("importlinter:contract:packages", "layers"),
        ("importlinter:contract:layers", "containers"),
    ):
        if package not in checkout.import_rules(section, option):
            yield f".importlinter [{section}] {option}: no {package}"


def _tools(checkout: Checkout, service: str) -> Iterator[str]:
    tool = checkout.toml().get("tool", {})
    if f"services/{service}/src" not in tool.get("mypy", {}).get("mypy_path", []):
        yield f"pyproject.toml [tool.mypy] mypy_path: no services/{service}/src"
    isort = tool.get("ruff", {}).get("lint", {}).get("isort", {})
    if f"aiops_{service}" not in isort.get("known-first-party", []):
        yield f"pyproject.toml [tool.ruff.lint.isort] known-first-party: no aiops_{service}"


def _deployment(checkout: Checkout, service: str) -> Iterator[str]:
    if service not in checkout.yaml("deploy/postgres/roles.yaml").get("roles", []):
        yield f"deploy/postgres/roles.yaml roles: no {service}"
    if service not in checkout.yaml("deploy/rabbitmq/topology.yaml").get("services", {}):
        yield f"deploy/rabbitmq/topology.yaml services: no {service}"
    containers = checkout.yaml("docker-compose.yml").get("services", {})
    for container in (service, f"migrate-{service}"):
        if container not in containers:
            yield f"docker-compose.yml services: no {container}"
    if f"migrate-{service}" not in containers.get("protect-postgres", {}).get("depends_on", {}):
        yield f"docker-compose.yml protect-postgres: does not wait for migrate-{service}"
    yield from _manifests(checkout, service)


def _manifests(checkout: Checkout, service: str) -> Iterator[str]:
    if service not in checkout.yaml(f"{K8S_BASE}/kustomization.yaml").get("resources", []):
        yield f"{K8S_BASE}/kustomization.yaml resources: no {service}"
    for file, name in (("deployment", service), ("migrate", f"migrate-{service}")):
        path = f"{K8S_BASE}/{service}/{file}.yaml"
        if checkout.yaml(path).get("metadata", {}).get("name") != name:
            yield f"{path}: not there, or not of {name}"


def _owns_messages(checkout: Checkout, service: str) -> bool:
    entry = checkout.yaml("deploy/rabbitmq/topology.yaml").get("services", {}).get(service)
    # One that only sends commands and requests to others owns no message.
    return entry is None or bool(entry.get("work") or entry.get("requests") or "events" in entry.get("publishes", []))


def _contracts(checkout: Checkout, service: str) -> Iterator[str]:
    module = f"libs/contracts/src/aiops_contracts/{service}.py"
    if not (checkout.root / module).is_file():
        yield f"{module}: not there, though {service} consumes or publishes messages of its own"
    if not any((checkout.root / "tests" / "contract" / "golden").glob(f"{service}.*.json")):
        yield f"tests/contract/golden/{service}.*.json: no golden payloads"
    if f"aiops_contracts.{service}" not in checkout.import_rules(
        "importlinter:contract:common-knows-no-owner", "forbidden_modules"
    ):
        yield f".importlinter [importlinter:contract:common-knows-no-owner] forbidden_modules: no {service}"
    if service not in checkout.import_rules("importlinter:contract:contracts", "layers"):
        yield f".importlinter [importlinter:contract:contracts] layers: no {service}"
