"""deploy/k8s/base: each service has all that it needs, is asked the right questions, and has the time to end."""

import importlib
import re
from typing import Any

import pytest
import yaml
from pydantic_core import PydanticUndefined

from aiops_common.health import CHECK_SECONDS
from aiops_common.lifecycle import STOP_SECONDS
from aiops_common.settings import ServiceSettings
from aiops_common.telemetry.sending import SHUTDOWN_SECONDS
from support.manifests import K8S, SERVICES, container, documents, of_kind
from support.servers import ROOT

DEPLOYMENTS = of_kind("Deployment", "base")
JOBS = of_kind("Job")
HARDENED: dict[str, Any] = yaml.safe_load((K8S / "components/hardening/service.yaml").read_text(encoding="utf-8"))
POD: dict[str, Any] = HARDENED["spec"]["template"]["spec"]
each_service = pytest.mark.parametrize("service", SERVICES)


def _drain_seconds() -> float:
    """How long a process may take to end, whatever is away, as the code has it."""
    command = (ROOT / "libs/common/src/aiops_common/cli.py").read_text(encoding="utf-8")
    (requests,) = re.findall(r"timeout_graceful_shutdown=(\d+)", command)
    return float(requests) + STOP_SECONDS + SHUTDOWN_SECONDS


@each_service
def test_a_service_has_its_objects(service: str) -> None:
    kinds = {one["kind"] for one in documents(f"base/{service}")}
    assert kinds == {"Deployment", "Job", "PodDisruptionBudget", "Service", "ServiceAccount"}
    kustomization = yaml.safe_load((K8S / "base" / service / "kustomization.yaml").read_text(encoding="utf-8"))
    assert [generated["name"] for generated in kustomization["configMapGenerator"]] == [service]


@each_service
def test_a_service_and_its_migration_have_what_the_settings_require(service: str) -> None:
    module = importlib.import_module(f"aiops_{service}.settings")
    (kind,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value is not ServiceSettings
    )
    known = {f"{service}_{name}".upper() for name in kind.model_fields}
    required = {
        f"{service}_{name}".upper() for name, field in kind.model_fields.items() if field.default is PydanticUndefined
    }
    for workload in (DEPLOYMENTS[service], JOBS[f"migrate-{service}"]):
        secret = {
            one["name"]: one["valueFrom"]["secretKeyRef"]
            for one in container(workload)["env"]
            if one["name"] != "OPENAI_API_KEY"
        }
        assert required <= secret.keys() <= known
        assert all(reference == {"name": service, "key": name} for name, reference in secret.items())
    lines = (K8S / "base" / service / "settings.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert given[f"{service.upper()}_HOST"] == "0.0.0.0"
    assert given.keys() <= known


@each_service
def test_a_service_is_migrated_by_its_own_image_before(service: str) -> None:
    migration = container(JOBS[f"migrate-{service}"])
    assert migration["image"] == container(DEPLOYMENTS[service])["image"] == f"aiops-{service}"
    assert migration["args"] == ["migrate", "--phase", "expand"]


def test_a_process_may_take_longer_to_end_than_its_parts_do() -> None:
    gateway = DEPLOYMENTS["gateway"]
    before = int(container(gateway)["lifecycle"]["preStop"]["exec"]["command"][1])
    assert before >= 5, "endpoints take a moment to be told everywhere"
    enough = before + _drain_seconds() + 10
    assert POD["terminationGracePeriodSeconds"] >= enough, "and tasks that are left have to end"
    for one in DEPLOYMENTS.values():
        own = one["spec"]["template"]["spec"].keys() & POD.keys()
        assert own == {"containers"}, "what is said for all goes before what a service says of itself"


def test_a_job_is_there_for_as_long_as_somebody_may_wait_for_it() -> None:
    job = yaml.safe_load((K8S / "components/hardening/job.yaml").read_text(encoding="utf-8"))["spec"]
    (script,) = re.findall(r"SECONDS_TO_WAIT:-(\d+)", (K8S / "roll_out.sh").read_text(encoding="utf-8"))
    (minutes,) = re.findall(r"job --all --timeout=(\d+)m", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert job["ttlSecondsAfterFinished"] > max(int(script), int(minutes) * 60)


def test_a_database_that_is_away_kills_no_pod() -> None:
    (asked,) = POD["containers"]
    assert asked["startupProbe"]["httpGet"]["path"] == asked["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert asked["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert asked["readinessProbe"]["timeoutSeconds"] > CHECK_SECONDS


def test_a_pod_can_do_little() -> None:
    for file in ("service", "job"):
        patch = yaml.safe_load((K8S / f"components/hardening/{file}.yaml").read_text(encoding="utf-8"))
        pod = patch["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        # The user of our image.
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("account", of_kind("ServiceAccount").values(), ids=of_kind("ServiceAccount"))
def test_no_account_has_a_token(account: dict[str, Any]) -> None:
    assert account["automountServiceAccountToken"] is False


def test_no_secret_stands_in_a_file() -> None:
    assert not of_kind("Secret")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/k8s/overlays/*/secrets/" in ignored


@each_service
def test_pods_are_spread_and_go_one_at_a_time(service: str) -> None:
    deployment = DEPLOYMENTS[service]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert [one["topologyKey"] for one in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert all(one["labelSelector"]["matchLabels"] == labels for one in spread)
    budget = of_kind("PodDisruptionBudget", "base")[service]["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert budget["maxUnavailable"] == 1


def test_only_the_api_is_open_to_the_world() -> None:
    (ingress,) = of_kind("Ingress").values()
    (rule,) = ingress["spec"]["rules"]
    assert {path["path"]: path["pathType"] for path in rule["http"]["paths"]} == {
        "/graphql": "Exact",
        "/.well-known/jwks.json": "Exact",
    }
    assert {path["backend"]["service"]["name"] for path in rule["http"]["paths"]} == {"gateway"}
    assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_prometheus_asks_every_pod_of_every_service() -> None:
    text = (K8S / "components/observability/servers/prometheus.yaml").read_text(encoding="utf-8")
    job = next(one for one in yaml.safe_load(text)["scrape_configs"] if one["job_name"] == "services")
    names = job["dns_sd_configs"][0]["names"]
    regex = job["relabel_configs"][0]["regex"]
    assert {re.fullmatch(regex, name)[1] for name in names} == set(SERVICES)  # type: ignore[index]
    headless = {name for name, one in of_kind("Service").items() if one["spec"].get("clusterIP") == "None"}
    assert set(names) <= headless, "only a name without an address of its own has the address of every pod"
