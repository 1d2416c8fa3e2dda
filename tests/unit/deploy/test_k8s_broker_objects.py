"""The broker's objects for its operator are what the provisioner declares elsewhere, and the file is up to date."""

from collections import Counter

import pytest
from deploy.k8s import broker_objects
from deploy.k8s.broker_objects import SOURCE, TARGET, main, objects, text

from aiops_common.messaging.topology import TopologySpec, expand, load
from support.manifests import documents

TOPOLOGY = load(SOURCE)
OBJECTS = list(objects(TOPOLOGY))


def test_the_file_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == text(TOPOLOGY), "run `make k8s-topology`"
    assert main(["--check"]) == 0


def test_a_file_that_is_not_is_told_and_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = broker_objects.ROOT / "deploy" / "k8s" / "components" / "operators" / "kustomization.yaml"
    before = stale.read_text(encoding="utf-8")
    monkeypatch.setattr(broker_objects, "TARGET", stale)
    assert main(["--check"]) == 1
    assert "make k8s-topology" in capsys.readouterr().err
    assert stale.read_text(encoding="utf-8") == before


def test_there_is_an_object_for_everything() -> None:
    count = Counter(one["kind"] for one in OBJECTS)
    users = len(TOPOLOGY.users)
    assert count == {
        "Exchange": len(TOPOLOGY.exchanges),
        "Policy": len(TOPOLOGY.policies),
        "Queue": len(TOPOLOGY.queues),
        "Binding": len(TOPOLOGY.bindings),
        "User": users,
        "Permission": users,
        "ExternalSecret": users,
    }
    names = Counter((one["kind"], one["metadata"]["name"]) for one in OBJECTS)
    assert set(names.values()) == {1}


def test_a_queue_is_declared_as_the_provisioner_declares_it() -> None:
    declared = {
        one["spec"]["name"]: {"x-queue-type": one["spec"]["type"], **one["spec"]["arguments"]}
        for one in OBJECTS
        if one["kind"] == "Queue"
    }
    assert declared == {queue.name: queue.arguments for queue in TOPOLOGY.queues}
    assert {one["spec"]["deletionPolicy"] for one in OBJECTS if one["kind"] == "Queue"} == {"retain"}


def test_the_operator_may_read_the_secret_of_every_user() -> None:
    """Since 1.20 it sees only those with a label, which External Secrets takes from the template."""
    everywhere = [one for one in (*OBJECTS, *documents("components")) if one["kind"] in ("User", "ExternalSecret")]
    wanted = {one["spec"]["importCredentialsSecret"]["name"] for one in everywhere if one["kind"] == "User"}
    templates = {
        one["metadata"]["name"]: one["spec"]["target"]["template"] for one in everywhere if "target" in one["spec"]
    }
    assert len(wanted) > len(TOPOLOGY.users), "and that of the autoscaler"
    unseen = [
        name
        for name in wanted
        if templates[name].get("metadata") != {"labels": {"rabbitmq.com/topology-operator": "true"}}
    ]
    assert unseen == []


def test_permissions_are_those_of_the_topology() -> None:
    permissions = [one["spec"] for one in OBJECTS if one["kind"] == "Permission"]
    given = {one["userReference"]["name"]: one["permissions"] for one in permissions}
    assert given == {
        user.name: {"configure": user.configure, "write": user.write, "read": user.read} for user in TOPOLOGY.users
    }


def test_wildcards_and_underscores_become_names() -> None:
    spec = TopologySpec.model_validate({"services": {"audit": {"events": ["triage.#", "triage.*", "a.b_c.v1"]}}})
    names = [one["metadata"]["name"] for one in objects(expand(spec)) if one["kind"] == "Binding"]
    assert "aiops.events.to.audit.events.triage.all" in names
    assert "aiops.events.to.audit.events.triage.any" in names
    assert "aiops.events.to.audit.events.a.b-c.v1" in names
    assert len(set(names)) == len(names)
