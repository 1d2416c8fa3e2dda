"""What provisioning would change, computed from what the management API reports; no broker is asked."""

import base64
import dataclasses
import hashlib
from typing import Any

import pytest

from aiops_common.messaging.provision import Found, ProvisioningFailed, plan_changes
from aiops_common.messaging.topology import Topology, TopologySpec, expand

TOPOLOGY = expand(
    TopologySpec.model_validate(
        {
            "services": {"a": {"work": ["a.do.v1", "a.undo.v1"], "publishes": ["events"]}},
            "partners": {"p": {"may_send": ["a.do.v1"]}},
            "operators": ["o"],
            "policies": {"limit": {"pattern": "work$", "definition": {"delivery-limit": 10}}},
        }
    )
)
PASSWORDS = {"a": "pass-a", "p": "pass-p", "o": "pass-o"}
EMPTY = Found([], [], [], [], [], [])


def _hashed(password: str) -> str:
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _reported(topology: Topology) -> Found:
    """What the API of a fully provisioned broker answers (fields as of RabbitMQ 3.10)."""
    return Found(
        exchanges=[
            {"name": e.name, "type": e.type, "durable": True, "auto_delete": False, "internal": False,
             "arguments": dict(e.arguments)} for e in topology.exchanges
        ],
        queues=[
            {"name": q.name, "durable": True, "auto_delete": False, "arguments": dict(q.arguments)}
            for q in topology.queues
        ],
        bindings=[_binding(b.source, b.destination, b.routing_key) for b in topology.bindings],
        policies=[
            {"vhost": "/", "name": p.name, "pattern": p.pattern, "definition": dict(p.definition),
             "apply-to": "queues", "priority": 0} for p in topology.policies
        ],
        users=[
            {"name": name, "password_hash": _hashed(password), "tags": [],
             "hashing_algorithm": "rabbit_password_hashing_sha256"} for name, password in PASSWORDS.items()
        ],
        permissions=[
            {"user": u.name, "vhost": "/", "configure": u.configure, "write": u.write, "read": u.read}
            for u in topology.users
        ],
    )  # fmt: skip


def _binding(source: str, destination: str, key: str, kind: str = "queue") -> dict[str, Any]:
    return {
        "source": source, "destination": destination, "destination_type": kind, "routing_key": key,
        "properties_key": key or "~", "arguments": {},
    }  # fmt: skip


def _with(**rows: list[Any]) -> Found:
    return dataclasses.replace(_reported(TOPOLOGY), **rows)


def _changes(found: Found) -> list[str]:
    return [str(change) for change in plan_changes(TOPOLOGY, found, PASSWORDS, "/").changes]


def test_a_provisioned_broker_is_left_alone() -> None:
    plan = plan_changes(TOPOLOGY, _reported(TOPOLOGY), PASSWORDS, "/")
    assert plan.changes == ()
    assert not plan.new_queues
    assert plan.unchanged == len(plan_changes(TOPOLOGY, EMPTY, PASSWORDS, "/").changes)


def test_an_empty_broker_gets_everything_in_an_order_that_works() -> None:
    plan = plan_changes(TOPOLOGY, EMPTY, PASSWORDS, "/")
    assert plan.new_queues
    assert plan.unchanged == 0
    kinds = [[change.what.split()[0] for change in stage] for stage in plan.stages]
    assert [set(kind) for kind in kinds] == [
        {"exchange", "policy"}, {"queue"}, {"binding"}, {"user"}, {"permissions"},
    ]  # fmt: skip


def test_a_virtual_host_is_part_of_the_path_and_its_permissions_are_its_own() -> None:
    plan = plan_changes(TOPOLOGY, _reported(TOPOLOGY), PASSWORDS, "my/host")
    assert [change.path for change in plan.changes] == [f"/permissions/my%2Fhost/{user}" for user in ("a", "p", "o")]


def test_drift_names_queue_argument_wanted_and_found() -> None:
    queues = [dict(row) for row in _reported(TOPOLOGY).queues]
    work = next(row for row in queues if row["name"] == "a.work")
    work["arguments"] = {**work["arguments"], "x-overflow": "drop-head", "x-max-length": 5}
    del work["arguments"]["x-dead-letter-strategy"]
    exchanges = [dict(row) for row in _reported(TOPOLOGY).exchanges]
    next(row for row in exchanges if row["name"] == "aiops.dead")["type"] = "direct"
    with pytest.raises(ProvisioningFailed) as failure:
        plan_changes(TOPOLOGY, _with(queues=queues, exchanges=exchanges), PASSWORDS, "/")
    assert str(failure.value).splitlines()[:-1] == [
        "exchange aiops.dead: type should be 'topic' and is 'direct'",
        "queue a.work: x-dead-letter-strategy should be 'at-least-once' and is absent",
        "queue a.work: x-max-length should be absent and is 5",
        "queue a.work: x-overflow should be 'reject-publish' and is 'drop-head'",
    ]


def test_grants_that_are_no_longer_listed_are_taken_back() -> None:
    kept = list(_reported(TOPOLOGY).bindings)
    stale = [
        _binding("ingress.p", "a.work", "a.undo.v1"),
        _binding("ingress.p", "aiops.commands", "a.do.v1", kind="exchange"),
        _binding("ingress.retired", "a.work", "a.do.v1"),
    ]
    others = [_binding("", "a.work", "a.work"), _binding("aiops.events", "somebodys.tap", "#")]
    plan = plan_changes(TOPOLOGY, _with(bindings=kept + stale + others), PASSWORDS, "/")
    assert [(change.verb, change.path) for change in plan.changes] == [
        ("remove", "/bindings/%2F/e/ingress.p/q/a.work/a.undo.v1"),
        ("remove", "/bindings/%2F/e/ingress.p/e/aiops.commands/a.do.v1"),
        ("remove", "/bindings/%2F/e/ingress.retired/q/a.work/a.do.v1"),
    ]


def test_users_policies_and_permissions_are_set_right_again() -> None:
    a, p, o = _reported(TOPOLOGY).users
    users = [{**a, "password_hash": _hashed("old")}, {**p, "tags": ["administrator"]}, o]
    policies = [{**_reported(TOPOLOGY).policies[0], "definition": {"delivery-limit": 99}}]
    permissions = [{**row, "write": ".*"} for row in _reported(TOPOLOGY).permissions]
    assert _changes(_with(users=users, policies=policies, permissions=permissions)) == [
        "update policy limit", "update user a", "update user p",
        "update permissions of a", "update permissions of p", "update permissions of o",
    ]  # fmt: skip


def test_an_operator_becomes_a_user_who_may_write_to_one_exchange() -> None:
    users = [row for row in _reported(TOPOLOGY).users if row["name"] != "o"]
    permissions = [row for row in _reported(TOPOLOGY).permissions if row["user"] != "o"]
    plan = plan_changes(TOPOLOGY, _with(users=users, permissions=permissions), PASSWORDS, "/")
    assert [str(change) for change in plan.changes] == ["create user o", "create permissions of o"]
    assert plan.changes[0].body == {"password": "pass-o", "tags": ""}
    assert plan.changes[1].body == {"configure": "^$", "write": r"^aiops\.retry$", "read": r"^(a\.dead|unrouted)$"}


def test_no_change_shows_a_password() -> None:
    plan = plan_changes(TOPOLOGY, EMPTY, PASSWORDS, "/")
    assert "pass-" not in f"{plan!r}{[str(change) for change in plan.changes]}"
