"""What the documentation is written from: contracts, topology, golden payloads."""

import importlib
import pkgutil
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import aiops_contracts
from aiops_common.messaging.topology import Topology, load
from aiops_contracts.base import Command, Event, Message, registered_messages

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "contract" / "golden"
WRITTEN_BY = "Written from the code by `make docs`; do not edit."


@cache
def messages() -> dict[str, type[Message]]:
    """Wire type → class, for every message of every owner, by owner."""
    for module in pkgutil.iter_modules(aiops_contracts.__path__):
        importlib.import_module(f"aiops_contracts.{module.name}")
    return dict(sorted(registered_messages().items()))


@cache
def topology() -> Topology:
    """The broker as deploy/rabbitmq/topology.yaml declares it."""
    return load(ROOT / "deploy" / "rabbitmq" / "topology.yaml")


def owner(message_type: str) -> str:
    """The service that owns a wire type."""
    return message_type.partition(".")[0]


def kind(message: type[Message]) -> str:
    """``command``, ``event`` or ``request``."""
    return "command" if issubclass(message, Command) else "event" if issubclass(message, Event) else "request"


@dataclass(frozen=True, slots=True)
class Route:
    """Who sends a message, over which exchange, and which queues take it."""

    publishers: tuple[str, ...]
    exchange: str
    consumers: tuple[str, ...]
    queues: tuple[str, ...]


def route(message_type: str) -> Route:
    """The way of a message type, as the topology has it."""
    services, what, own = topology().services, kind(messages()[message_type]), owner(message_type)
    if what == "request":
        senders = [name for name, service in services.items() if own in service.asks]
        answers = services[own].requests
        return Route(tuple(senders), "", (own,) if answers else (), (f"{own}.requests",) if answers else ())
    exchange = f"aiops.{what}s"
    queues = [
        binding.destination
        for binding in topology().bindings
        if binding.source == exchange and _matches(message_type, binding.routing_key)
    ]
    senders = [own] if what == "event" else [name for name, one in services.items() if "commands" in one.publishes]
    return Route(tuple(senders), exchange, tuple(owner(queue) for queue in queues), tuple(queues))


def partners(message_type: str) -> list[str]:
    """Outside publishers that may send it."""
    return [name for name, grant in topology().partners.items() if message_type in grant.may_send]


def _matches(message_type: str, pattern: str) -> bool:
    # A wire type has three words, so that * and # differ only where a pattern is shorter: fnmatch is close enough
    # for every pattern that a topology of ours can hold, and exact for those without wildcards.
    return fnmatchcase(message_type, pattern.replace("#", "*"))
