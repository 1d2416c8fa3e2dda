"""The overlays, rendered: whole, safe, and with TLS where it is promised."""

import copy
import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from deploy.k8s.references import Document
from deploy.k8s.render import overlays

from aiops_gateway.settings import GatewaySettings
from support.kustomize import copied, overlay
from support.manifests import SERVICES, container
from support.servers import ROOT

CHECKS = ROOT / ".venv-checks" / "bin" / "python"
WORKLOADS = ("Deployment", "StatefulSet", "Job")
MANAGED = ("blue-green", "prod", "staging")


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("overlays"))


@pytest.fixture(scope="module")
def whole(deploy: Path) -> dict[str, list[Document]]:
    """The objects of each overlay."""
    return {name: overlay(deploy, name) for name in overlays()}


@pytest.fixture(params=["dev", *MANAGED])
def objects(request: pytest.FixtureRequest, whole: dict[str, list[Document]]) -> list[Document]:
    return whole[request.param]


@pytest.fixture(params=MANAGED)
def managed(request: pytest.FixtureRequest, whole: dict[str, list[Document]]) -> list[Document]:
    return whole[request.param]


def _workloads(objects: list[Document]) -> dict[str, Document]:
    return {one["metadata"]["name"]: one for one in objects if one["kind"] in WORKLOADS}


def _of_kind(objects: list[Document], kind: str) -> Iterator[Document]:
    return (one for one in objects if one["kind"] == kind)


def test_these_are_all_overlays() -> None:
    assert set(overlays()) == {"dev", *MANAGED}


def test_everything_stands_in_one_namespace_that_is_restricted(objects: list[Document]) -> None:
    (namespace,) = _of_kind(objects, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [one["metadata"].get("namespace") for one in objects if one is not namespace]
    assert set(others) == {namespace["metadata"]["name"]}


def test_every_pod_is_as_restricted_as_its_namespace(objects: list[Document]) -> None:
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    for name, workload in _workloads(objects).items():
        pod, only = workload["spec"]["template"]["spec"], container(workload)
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert only["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert only["securityContext"]["readOnlyRootFilesystem"] is True, name
        kinds = {kind for volume in pod.get("volumes", []) for kind in volume.keys() - {"name"}}
        assert kinds <= {"configMap", "emptyDir", "projected", "secret"}, name


def test_every_container_is_limited_and_asked(objects: list[Document]) -> None:
    for name, workload in _workloads(objects).items():
        only = container(workload)
        for bound in ("requests", "limits"):
            assert only["resources"][bound].keys() == {"cpu", "memory"}, name
        if workload["kind"] != "Job":
            assert {"readinessProbe", "livenessProbe"} <= only.keys(), name


def test_an_image_has_a_version(objects: list[Document]) -> None:
    for name, workload in _workloads(objects).items():
        assert re.search(r":(v?\d[\w.-]*|local)$|@sha256:", container(workload)["image"]), name


def test_what_apply_remembers_of_an_object_fits(objects: list[Document]) -> None:
    # kubectl.kubernetes.io/last-applied-configuration: all annotations together may have 256 KiB.
    assert all(len(json.dumps(one)) < 200_000 for one in objects)


def test_broker_and_database_are_reached_with_tls_only(managed: list[Document]) -> None:
    secrets = {one["metadata"]["name"]: one["spec"]["target"]["template"]["data"] for one in _external(managed)}
    for service in SERVICES:
        addresses = secrets[service]
        database, broker = (addresses[f"{service.upper()}_{what}_URL"] for what in ("DATABASE", "AMQP"))
        assert database.endswith("@postgres-rw/aiops?sslmode=verify-full&sslrootcert=/etc/ssl/aiops/postgres.crt")
        assert broker.startswith(f"amqps://{service}:")
        assert broker.endswith("@rabbitmq:5671?cafile=/etc/ssl/aiops/rabbitmq.crt")
    for workload in _workloads(managed).values():
        mounted = {one["mountPath"] for one in container(workload).get("volumeMounts", [])}
        component = workload["metadata"]["labels"]["app.kubernetes.io/component"]
        assert ("/etc/ssl/aiops" in mounted) == (component != "observability" or "prometheus" in str(mounted))
    ports = {port for policy in _of_kind(managed, "NetworkPolicy") for port in _ports(policy)}
    assert not ports & {5672, 15672, 15692}
    assert {5671, 15671, 15691} <= ports


def _external(objects: list[Document]) -> Iterator[Document]:
    return _of_kind(objects, "ExternalSecret")


def _ports(policy: Document) -> Iterator[int]:
    for rule in (*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])):
        yield from (entry["port"] for entry in rule["ports"])


def test_a_gateway_believes_private_networks_about_who_asks_and_takes_what_the_ingress_lets_in(
    managed: list[Document],
) -> None:
    maps = {one["metadata"]["name"].rpartition("-")[0]: one["data"] for one in _of_kind(managed, "ConfigMap")}
    secrets = {
        "GATEWAY_DATABASE_URL": "postgresql://a@b/c", "GATEWAY_AMQP_URL": "amqp://a",
        "GATEWAY_CONTENT_KEYS": f'["a:{b64encode(bytes(32)).decode()}"]',
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**maps["gateway"], **secrets}.items():
            patch.setenv(name, value)
        settings = GatewaySettings()
    assert len(settings.trusted_proxies) == 5
    assert all(ip_network(str(network)).is_private or "100.64." in str(network) for network in settings.trusted_proxies)
    (ingress,) = _of_kind(managed, "Ingress")
    assert ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"] == "8m"
    assert settings.max_body_bytes == 8 * 1024 * 1024


def test_servers_have_three_nodes_in_prod(whole: dict[str, list[Document]]) -> None:
    (broker,), (database,) = (_of_kind(whole["prod"], kind) for kind in ("RabbitmqCluster", "Cluster"))
    assert broker["spec"]["replicas"] == database["spec"]["instances"] == 3
    assert broker["spec"]["tls"]["disableNonTLSListeners"] is True
    assert "hostnossl all all all reject" in database["spec"]["postgresql"]["pg_hba"]


def test_a_commit_waits_for_another_server_only_where_two_others_are(whole: dict[str, list[Document]]) -> None:
    for name in ("prod", "staging"):
        (spec,) = (one["spec"] for one in _of_kind(whole[name], "Cluster"))
        durable = spec["postgresql"]["synchronous"].get("dataDurability", "required") == "required"
        assert durable == (spec["instances"] - spec["postgresql"]["synchronous"]["number"] >= 2)


@pytest.mark.parametrize("name", ["prod", "staging"])
def test_whoever_is_scaled_keeps_its_number_when_it_is_applied_again(
    whole: dict[str, list[Document]], name: str
) -> None:
    objects = whole[name]
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in objects if "scaleTargetRef" in one.get("spec", {})}
    assert scaled == {"changelog", "gateway", "summarizer", "triage"}
    deployments = {one["metadata"]["name"]: one["spec"] for one in _of_kind(objects, "Deployment")}
    assert not [one for one in scaled if "replicas" in deployments[one]]


@pytest.mark.parametrize("service", SERVICES)
def test_green_is_blue_again_with_its_own_image(whole: dict[str, list[Document]], service: str) -> None:
    deployments = {one["metadata"]["name"]: one["spec"] for one in _of_kind(whole["blue-green"], "Deployment")}
    blue, green = deployments[service], deployments[f"{service}-green"]
    assert blue["replicas"] == green["replicas"] >= 1
    for colour, spec in (("blue", blue), ("green", green)):
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
        assert spec["selector"]["matchLabels"]["aiops/colour"] == colour
    first, second = (dict(spec["template"]["spec"]["containers"][0]) for spec in (blue, green))
    assert first.pop("image").startswith(f"registry.example.com/aiops/{service}:")
    assert second.pop("image").startswith(f"registry.example.com/aiops/{service}:")
    colours = [one.pop("envFrom")[-1]["configMapRef"]["name"] for one in (first, second)]
    maps = {one["metadata"]["name"]: one["data"] for one in _of_kind(whole["blue-green"], "ConfigMap")}
    assert [maps[name][f"{service.upper()}_COLOUR"] for name in colours] == ["blue", "green"]
    assert first == second, "secrets, limits and probes are the same"


def test_green_has_the_settings_of_blue(whole: dict[str, list[Document]]) -> None:
    found = {
        one["metadata"]["name"]: container(one).get("envFrom", [])
        for one in _of_kind(whole["blue-green"], "Deployment")
    }
    for service in SERVICES:
        assert found[service][:-1] == found[f"{service}-green"][:-1]


def test_whom_clients_reach_is_not_said_so_applying_it_again_changes_nothing(whole: dict[str, list[Document]]) -> None:
    services = {one["metadata"]["name"]: one["spec"]["selector"] for one in _of_kind(whole["blue-green"], "Service")}
    assert "aiops/colour" not in services["gateway"]
    assert services["gateway-green"]["aiops/colour"] == "green"


def test_no_pod_has_two_budgets(whole: dict[str, list[Document]]) -> None:
    objects = whole["blue-green"]
    budgets = [one["spec"]["selector"]["matchLabels"] for one in _of_kind(objects, "PodDisruptionBudget")]
    for workload in _workloads(objects).values():
        labels = workload["spec"]["template"]["metadata"]["labels"]
        assert sum(budget.items() <= labels.items() for budget in budgets) <= 1


def test_each_overlay_asks_its_own_store_and_its_own_broker(whole: dict[str, list[Document]]) -> None:
    for name, store in (("prod", "aiops"), ("staging", "aiops-staging")):
        secrets = {one["metadata"]["name"]: one["spec"] for one in _external(whole[name])}
        assert {spec["secretStoreRef"]["name"] for spec in secrets.values()} == {store}
        assert f"@rabbitmq.aiops-{name}.svc:15671/" in secrets["rabbitmq-keda"]["target"]["template"]["data"]["host"]


def test_custom_resources_fit_the_schemas_of_their_operators(whole: dict[str, list[Document]], tmp_path: Path) -> None:
    definitions = os.environ.get("K8S_CRDS")
    if not definitions:
        pytest.skip("K8S_CRDS names no folder of CustomResourceDefinitions")
    if not CHECKS.exists():
        pytest.skip("there is no .venv-checks; `make k8s-validate` makes it")
    objects = copy.deepcopy(whole["prod"])
    assert _checked(objects, tmp_path, definitions) == (0, "")
    queue = next(_of_kind(objects, "Queue"))
    queue["spec"]["durible"] = True
    status, told = _checked(objects, tmp_path, definitions)
    assert status == 1
    assert f"Queue {queue['metadata']['name']}: spec: " in told
    assert "durible" in told


def _checked(objects: list[Document], directory: Path, definitions: str) -> tuple[int, Any]:
    file = directory / "prod.yaml"
    file.write_text("\n---\n".join(map(json.dumps, objects)))
    done = subprocess.run(
        [CHECKS, "-m", "deploy.k8s.custom_resources", "--crds", definitions, file],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr
