"""However many processes there are, PostgreSQL has connections for them; they are scaled by queues that exist."""

import re

import yaml

from aiops_common.llm import LLMSettings
from aiops_common.messaging.topology import load
from aiops_common.settings import ServiceSettings
from support.manifests import SERVICES, container, of_kind
from support.servers import ROOT

RELAY_AND_LISTENER = 2 + 1
"""Connections of a process beside its pool: see `aiops_common.runtime`."""
PER_PROCESS = ServiceSettings.model_fields["database_pool_size"].default + RELAY_AND_LISTENER
WORKERS = of_kind("ScaledObject")
FOR_ADMINISTRATORS = 20


def _most() -> dict[str, int]:
    """Service → how many processes there are at its most, a roll-out aside."""
    most = {name: one["spec"]["maxReplicaCount"] for name, one in WORKERS.items()}
    most["gateway"] = of_kind("HorizontalPodAutoscaler")["gateway"]["spec"]["maxReplicas"]
    fixed = {name: one["spec"]["replicas"] for name, one in of_kind("Deployment", "base").items() if name not in most}
    return most | fixed


def test_postgresql_has_connections_for_all_processes_during_a_roll_out() -> None:
    processes = _most()
    assert processes.keys() == set(SERVICES)
    server = of_kind("Cluster")["postgres"]["spec"]["postgresql"]["parameters"]
    needed = PER_PROCESS * (sum(processes.values()) + len(processes))
    assert needed + FOR_ADMINISTRATORS <= int(server["max_connections"])


def test_the_server_of_dev_has_connections_for_its_processes() -> None:
    command = container(of_kind("StatefulSet")["postgres"])["args"]
    (allowed,) = (int(word.split("=")[1]) for word in command if word.startswith("max_connections="))
    assert 2 * len(SERVICES) * PER_PROCESS + FOR_ADMINISTRATORS <= allowed, "one of each, and one more in a roll-out"


def test_what_they_ask_a_model_at_the_most_is_told() -> None:
    at_once = (
        sum(one["spec"]["maxReplicaCount"] for one in WORKERS.values())
        * LLMSettings.model_fields["llm_max_concurrency"].default
    )
    page = " ".join((ROOT / "docs" / "scaling.md").read_text(encoding="utf-8").split())
    assert f"= {at_once} calls at once, which with 1 s are {at_once * 60:,} requests a minute" in page
    comment = (ROOT / "deploy/k8s/components/autoscaling-keda/kustomization.yaml").read_text(encoding="utf-8")
    assert f"{at_once} together. Where an answer takes 1 s, they are {at_once * 60:,}" in re.sub(
        r"[\s#]+", " ", comment
    )


def test_workers_are_scaled_by_a_queue_that_is_theirs() -> None:
    queues = {queue.name for queue in load(ROOT / "deploy" / "rabbitmq" / "topology.yaml").queues}
    assert WORKERS.keys() == {"changelog", "summarizer", "triage"}
    for name, scaled in WORKERS.items():
        (trigger,) = scaled["spec"]["triggers"]
        assert trigger["metadata"]["queueName"] == f"{name}.work"
        assert trigger["metadata"]["queueName"] in queues
        assert scaled["spec"]["scaleTargetRef"]["name"] == name
        assert 2 <= scaled["spec"]["minReplicaCount"] <= scaled["spec"]["fallback"]["replicas"]


def test_a_busy_process_does_not_call_for_another_one() -> None:
    prefetch = ServiceSettings.model_fields["prefetch"].default
    assert all(int(one["spec"]["triggers"][0]["metadata"]["value"]) > prefetch for one in WORKERS.values())


def test_whoever_is_scaled_has_no_number_of_its_own() -> None:
    component = yaml.safe_load((ROOT / "deploy/k8s/components/autoscaling-keda/kustomization.yaml").read_text())
    targets = component["patches"][0]["target"]["name"].split("|")
    assert set(targets) == {*WORKERS, "gateway"}
