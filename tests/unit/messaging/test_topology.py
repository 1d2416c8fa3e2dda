"""The topology file, the rules that expand it, and its agreement with the contracts."""

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import aiops_contracts
from aiops_common.messaging.topology import Binding, InvalidTopology, Topology, TopologySpec, User, expand, load
from aiops_contracts.base import Command, Event, Message, Request, registered_messages

FILE = Path(__file__).parents[3] / "deploy" / "rabbitmq" / "topology.yaml"


@pytest.fixture(scope="module")
def topology() -> Topology:
    return load(FILE)


def _messages(kind: type[Message]) -> set[str]:
    for module in pkgutil.iter_modules(aiops_contracts.__path__):
        importlib.import_module(f"aiops_contracts.{module.name}")
    return {
        name
        for name, message in registered_messages().items()
        if issubclass(message, kind) and message.__module__.startswith("aiops_contracts.")
    }


def _expand(**spec: Any) -> Topology:
    return expand(TopologySpec.model_validate(spec))


def _arguments(topology: Topology, queue: str) -> dict[str, str | int]:
    return next(found.arguments for found in topology.queues if found.name == queue)


def _user(topology: Topology, name: str) -> User:
    return next(user for user in topology.users if user.name == name)


def test_every_command_reaches_its_owners_work_queue(topology: Topology) -> None:
    bound = {(b.routing_key, b.destination) for b in topology.bindings if b.source == "aiops.commands"}
    assert bound == {(name, f"{name.split('.')[0]}.work") for name in _messages(Command)}


def test_every_event_reaches_the_gateway_and_its_own_all_others(topology: Topology) -> None:
    bound = {(b.routing_key, b.destination) for b in topology.bindings if b.source == "aiops.events"}
    others = {name for name in topology.services if name != "gateway"}
    assert bound == {
        (event, f"{consumer}.events")
        for event in _messages(Event)
        for consumer in (others if event.startswith("gateway.") else {"gateway"})
    }


def test_an_event_does_not_wait_behind_work() -> None:
    topology = _expand(services={"a": {"work": ["a.do.v1"], "events": ["b.done.v1"]}, "b": {"publishes": ["events"]}})
    assert Binding("aiops.events", "a.events", "b.done.v1") in topology.bindings
    assert {b.destination for b in topology.bindings if b.routing_key == "a.do.v1"} == {"a.work"}
    assert _arguments(topology, "a.retry.5s")["x-dead-letter-routing-key"] == "a.work"
    for queue in ("a.work", "a.events"):  # a dead letter returns to where it was consumed
        assert Binding("aiops.retry", queue, queue) in topology.bindings
        assert _arguments(topology, queue)["x-dead-letter-routing-key"] == "a.dead"


def test_every_owner_of_requests_has_a_queue_for_them(topology: Topology) -> None:
    queues = {queue.name for queue in topology.queues if queue.name.endswith(".requests")}
    assert queues == {f"{name.split('.')[0]}.requests" for name in _messages(Request)}


def test_everything_is_reachable_and_every_address_exists(topology: Topology) -> None:
    queues = {queue.name for queue in topology.queues}
    exchanges = {exchange.name for exchange in topology.exchanges}
    assert {b.source for b in topology.bindings} <= exchanges
    by_name = {name for name in queues if name.endswith(".requests")}
    assert {b.destination for b in topology.bindings} == queues - by_name
    assert len(queues) == len(topology.queues)
    for queue in topology.queues:
        target = queue.arguments.get("x-dead-letter-exchange")
        key = queue.arguments.get("x-dead-letter-routing-key")
        if target == "":
            assert key in queues
        elif target is not None:
            assert Binding(str(target), str(key), str(key)) in topology.bindings


def test_a_work_queue_loses_nothing(topology: Topology) -> None:
    assert _arguments(topology, "triage.work") == {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-dead-letter-exchange": "aiops.dead",
        "x-dead-letter-routing-key": "triage.dead",
        "x-dead-letter-strategy": "at-least-once",
    }


@pytest.mark.parametrize(("rung", "ttl"), [("5s", 5_000), ("30s", 30_000), ("2m", 120_000), ("10m", 600_000)])
@pytest.mark.parametrize(("service", "back"), [("triage", "triage.work"), ("gateway", "gateway.events")])
def test_a_retry_returns_to_its_origin(topology: Topology, service: str, back: str, rung: str, ttl: int) -> None:
    arguments = _arguments(topology, f"{service}.retry.{rung}")
    assert (arguments["x-message-ttl"], arguments["x-dead-letter-routing-key"]) == (ttl, back)
    assert arguments["x-dead-letter-strategy"] == "at-least-once"


def test_dead_letters_and_requests_go_no_further(topology: Topology) -> None:
    for name in ("triage.dead", "gateway.dead", "auth.requests", "unrouted"):
        assert not {"x-dead-letter-exchange", "x-message-ttl"} & _arguments(topology, name).keys()
    assert _arguments(topology, "auth.requests")["x-delivery-limit"] == 0


def test_each_queue_has_one_policy_with_a_length_limit(topology: Topology) -> None:
    for queue in topology.queues:
        matching = [policy for policy in topology.policies if re.search(policy.pattern, queue.name)]
        assert len(matching) == 1, queue.name
        assert "max-length-bytes" in matching[0].definition


@pytest.mark.parametrize(
    ("user", "may_write", "may_read"),
    [
        (
            "gateway",
            {"aiops.commands", "aiops.events", "amq.default", "aiops.retry", "aiops.dead"},
            {
                *("gateway.events", "gateway.requests", "gateway.dead", "summarizer.dead", "triage.dead"),
                *("changelog.dead", "auth.dead"),
            },
        ),
        (
            "summarizer",
            {"aiops.events", "aiops.retry", "aiops.dead", "amq.default"},
            {"summarizer.work", "summarizer.events", "summarizer.requests"},
        ),
        (
            "triage",
            {"aiops.events", "aiops.retry", "aiops.dead", "amq.default"},
            {"triage.work", "triage.events", "triage.requests"},
        ),
        (
            "changelog",
            {"aiops.events", "aiops.retry", "aiops.dead", "amq.default"},
            {"changelog.work", "changelog.events", "changelog.requests"},
        ),
        ("auth", {"aiops.events", "aiops.retry", "aiops.dead", "amq.default"}, {"auth.events", "auth.requests"}),
        ("acme", {"ingress.acme"}, set()),
        (
            "operator",
            {"aiops.retry"},
            {"gateway.dead", "summarizer.dead", "triage.dead", "changelog.dead", "auth.dead", "unrouted"},
        ),
    ],
)
def test_a_user_may_do_no_more_than_its_work(
    topology: Topology, user: str, may_write: set[str], may_read: set[str]
) -> None:
    permissions = _user(topology, user)
    exchanges = {exchange.name for exchange in topology.exchanges} | {"amq.default", "amq.topic", "aiopsXevents"}
    queues = {queue.name for queue in topology.queues} | {"triageXwork", "x.triage.work"}
    everything = exchanges | queues
    assert not {name for name in everything if re.search(permissions.configure, name)}
    assert {name for name in everything if re.search(permissions.write, name)} == may_write
    assert {name for name in everything if re.search(permissions.read, name)} == may_read


def _readable(topology: Topology, user: str) -> set[str]:
    return {queue.name for queue in topology.queues if re.search(_user(topology, user).read, queue.name)}


def test_an_operator_reads_what_is_dead_and_sends_it_back_and_no_more() -> None:
    services = {"a": {"work": ["a.do.v1"]}, "b": {"events": ["a.*.v1"]}, "c": {"requests": True}}
    operator = _user(_expand(services=services, operators=["ops"]), "ops")
    assert operator == User("ops", configure="^$", write=r"^aiops\.retry$", read=r"^(a\.dead|b\.dead|unrouted)$")


def test_a_service_that_looks_after_dead_letters_reads_them_all_besides_its_own() -> None:
    services = {"a": {"work": ["a.do.v1"]}, "b": {"dead_letters": True}, "c": {"events": ["x.#"], "dead_letters": True}}
    topology = _expand(services=services)
    assert _readable(topology, "a") == {"a.work"}
    assert _readable(topology, "b") == {"a.dead", "c.dead"}
    assert _readable(topology, "c") == {"a.dead", "c.dead", "c.events"}
    assert re.search(_user(topology, "b").write, "aiops.retry")


@pytest.mark.parametrize(("service", "inbound"), [("triage", "triage.work"), ("gateway", "gateway.events")])
def test_a_dead_letter_can_be_sent_back_through_the_retry_exchange(
    topology: Topology, service: str, inbound: str
) -> None:
    keys = {b.routing_key for b in topology.bindings if b.source == "aiops.retry" and b.destination == inbound}
    assert keys == {inbound}


def test_a_partner_reaches_only_the_queues_of_its_grants(topology: Topology) -> None:
    # Never another exchange: that one would route by the keys in CC and BCC too.
    assert {b for b in topology.bindings if b.source == "ingress.acme"} == {
        Binding("ingress.acme", "triage.work", "triage.triage_ticket.v1"),
        Binding("ingress.acme", "summarizer.work", "summarizer.summarize_log.v1"),
    }
    exchange = next(exchange for exchange in topology.exchanges if exchange.name == "ingress.acme")
    assert exchange.arguments == {"alternate-exchange": "unrouted"}


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True),
        st.fixed_dictionaries(
            {},
            optional={
                "work": st.just(["some.command.v1"]),
                "events": st.just(["some.*.v1", "other.#"]),
                "requests": st.booleans(),
                "publishes": st.lists(st.sampled_from(["commands", "events"]), unique=True),
            },
        ),
        max_size=4,
    )
)
def test_any_service_gets_what_it_consumes(services: dict[str, dict[str, Any]]) -> None:
    topology = _expand(services=services)
    names = {queue.name for queue in topology.queues}
    for service, spec in services.items():
        read = {name for name in names if re.search(_user(topology, service).read, name)}
        assert read == {f"{service}.{kind}" for kind in ("work", "events", "requests") if spec.get(kind)}
        assert (f"{service}.dead" in names) == ("work" in spec or "events" in spec)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"services": {"a": {"wrok": []}}}, "wrok"),
        ({"services": {"a": {"work": ["a.b"]}}}, "a.work.0"),
        ({"services": {"A b": {}}}, "A b"),
        ({"services": {"a": {}}, "partners": {"a": {"may_send": []}}}, "['a'] are named twice"),
        ({"services": {"a": {}}, "operators": ["a"]}, "['a'] are named twice"),
        ({"services": {}, "partners": {"p": {"may_send": []}}, "operators": ["p"]}, "['p'] are named twice"),
        ({"services": {}, "operators": ["o", "o"]}, "['o'] are named twice"),
        ({"services": {"a": {}}, "partners": {"p": {"may_send": ["a.b.v1"]}}}, "no service lists under `work`"),
        ({"services": {"a": {"asks": ["b"]}, "b": {}}}, "['b'] are asked, and do not say `requests: true`"),
    ],
)
def test_a_contradictory_file_is_refused(spec: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        TopologySpec.model_validate(spec)


def test_two_policies_for_one_queue_are_refused() -> None:
    policies = {name: {"pattern": pattern, "definition": {}} for name, pattern in {"x": "work$", "y": "^a"}.items()}
    with pytest.raises(InvalidTopology, match=re.escape("a.work matches the policies ['x', 'y']")):
        _expand(services={"a": {"work": ["a.b.v1"]}}, policies=policies)
