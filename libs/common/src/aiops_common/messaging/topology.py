"""What exists on the broker: a short declaration of who consumes what, expanded into exchanges, queues and bindings.

The expansion is pure; :mod:`aiops_common.messaging.provision` makes a broker look like it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aiops_common.messaging.names import (
    COMMANDS_EXCHANGE,
    DEAD_EXCHANGE,
    DEFAULT_EXCHANGE,
    EVENTS_EXCHANGE,
    INGRESS_PREFIX,
    RETRY_EXCHANGE,
    RETRY_RUNGS,
    dead_queue,
    events_queue,
    requests_queue,
    retry_queue,
    work_queue,
)

UNROUTED = "unrouted"
DEFAULT_EXCHANGE_PERMISSION = "amq.default"
"""What permissions call the default exchange."""

Arguments = dict[str, str | int]


class InvalidTopology(Exception):
    """The topology file contradicts itself or its format; the message says where."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: Literal["topic", "fanout"]
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue."""

    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Binding:
    """Messages of ``source`` whose routing key matches reach the queue ``destination``."""

    source: str
    destination: str
    routing_key: str


@dataclass(frozen=True, slots=True)
class User:
    """A broker user without tags; the permissions are regular expressions over names of exchanges and queues."""

    name: str
    configure: str
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits for the queues whose names match ``pattern``."""

    name: str
    pattern: str
    definition: Arguments


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
MessageType = Annotated[str, Field(pattern=r"^[a-z0-9_-]+\.[a-z0-9_]+\.v[1-9][0-9]*$")]
EventPattern = Annotated[str, Field(pattern=r"^[a-z0-9_*#-]+(\.[a-z0-9_*#]+)*$")]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServiceSpec(_Spec):
    """What one service publishes and consumes."""

    publishes: tuple[Literal["commands", "events"], ...] = ()
    asks: tuple[Name, ...] = ()
    work: tuple[MessageType, ...] = ()
    events: tuple[EventPattern, ...] = ()
    requests: bool = False
    dead_letters: bool = False


class PartnerSpec(_Spec):
    """The message types that an outside publisher may send."""

    may_send: tuple[MessageType, ...]


class PolicySpec(_Spec):
    """As RabbitMQ takes it; it applies to queues."""

    pattern: str
    definition: Arguments


class TopologySpec(_Spec):
    """The topology file."""

    services: dict[Name, ServiceSpec]
    partners: dict[Name, PartnerSpec] = {}
    operators: tuple[Name, ...] = ()
    policies: dict[str, PolicySpec] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        users = Counter([*self.services, *self.partners, *self.operators])
        if twice := sorted(name for name, count in users.items() if count > 1):
            raise ValueError(
                f"{twice} are named twice among services, partners and operators: each is a user, so names must differ"
            )
        answering = {name for name, service in self.services.items() if service.requests}
        if deaf := {asked for service in self.services.values() for asked in service.asks} - answering:
            raise ValueError(f"{sorted(deaf)} are asked, and do not say `requests: true`")
        consumed = {message_type for service in self.services.values() for message_type in service.work}
        for name, partner in self.partners.items():
            if unknown := set(partner.may_send) - consumed:
                raise ValueError(f"partner {name} may send {sorted(unknown)}, which no service lists under `work`")
        return self


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that the broker must have; the first three are the declaration it follows from."""

    services: dict[str, ServiceSpec]
    partners: dict[str, PartnerSpec]
    operators: tuple[str, ...]
    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    users: tuple[User, ...]
    policies: tuple[Policy, ...]


def load(path: Path) -> Topology:
    """Read and expand the topology file.

    Raises:
        InvalidTopology: the file is not YAML, has an unknown or malformed field or pattern, or contradicts itself.
        OSError: the file cannot be read.
    """
    try:
        return expand(TopologySpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
    except (yaml.YAMLError, ValidationError, InvalidTopology, re.error) as error:
        raise InvalidTopology(f"{path}: {error}") from error


def expand(spec: TopologySpec) -> Topology:
    """Apply the rules that stand at the head of deploy/rabbitmq/topology.yaml.

    Raises:
        InvalidTopology: two policies match one queue (RabbitMQ would apply only one of them).
    """
    queues = (
        *(queue for name, service in spec.services.items() for queue in _queues(name, service)),
        Queue(UNROUTED, {"x-queue-type": "quorum", "x-overflow": "reject-publish"}),
    )
    dead = dead_queues(spec.services)
    policies = tuple(Policy(name, policy.pattern, policy.definition) for name, policy in spec.policies.items())
    _refuse_overlap(policies, queues)
    return Topology(
        services=dict(spec.services),
        partners=dict(spec.partners),
        operators=spec.operators,
        exchanges=tuple(_exchanges(spec)),
        queues=queues,
        bindings=tuple(dict.fromkeys(_bindings(spec))),
        users=(
            *(_service_user(name, spec) for name in spec.services),
            *(User(name, "^$", _one_of(f"{INGRESS_PREFIX}{name}"), "^$") for name in spec.partners),
            *(User(name, "^$", _one_of(RETRY_EXCHANGE), _one_of(*dead, UNROUTED)) for name in spec.operators),
        ),
        policies=policies,
    )


def inbound_queues(name: str, service: ServiceSpec) -> tuple[str, ...]:
    """The queues for its commands and for its events, which must not wait behind work; retries return to the first."""
    return (*((work_queue(name),) if service.work else ()), *((events_queue(name),) if service.events else ()))


def dead_queues(services: Mapping[str, ServiceSpec]) -> tuple[str, ...]:
    """Where dead letters lie that some service has given up."""
    return tuple(dead_queue(name) for name, service in services.items() if inbound_queues(name, service))


def _exchanges(spec: TopologySpec) -> Iterator[Exchange]:
    for name in (COMMANDS_EXCHANGE, EVENTS_EXCHANGE, RETRY_EXCHANGE, DEAD_EXCHANGE):
        yield Exchange(name, "topic", {})
    yield Exchange(UNROUTED, "fanout", {})
    for partner in spec.partners:
        yield Exchange(f"{INGRESS_PREFIX}{partner}", "topic", {"alternate-exchange": UNROUTED})


def _queues(name: str, service: ServiceSpec) -> Iterator[Queue]:
    if inbound := inbound_queues(name, service):
        for queue in inbound:
            yield _dead_lettering(queue, DEAD_EXCHANGE, dead_queue(name))
        for rung in RETRY_RUNGS:
            # Back through the default exchange: it cannot be deleted or unbound, and nothing but the key is needed.
            yield _dead_lettering(
                retry_queue(name, rung), DEFAULT_EXCHANGE, inbound[0], **{"x-message-ttl": 1000 * RETRY_RUNGS[rung]}
            )
        yield Queue(dead_queue(name), {"x-queue-type": "quorum", "x-overflow": "reject-publish"})
    if service.requests:
        # A delivery limit of 0: a request whose consumer vanished is dropped and never tried a second time, because
        # whoever asked cannot know that the first try had no effect (a refresh token would count as stolen).
        arguments: Arguments = {"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-delivery-limit": 0}
        yield Queue(requests_queue(name), arguments)


def _dead_lettering(name: str, exchange: str, routing_key: str, **more: int) -> Queue:
    # At-least-once dead-lettering works only with reject-publish; with any other overflow RabbitMQ silently falls
    # back to at-most-once. Source: https://www.rabbitmq.com/docs/quorum-queues#activating-at-least-once-dead-lettering
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-overflow": "reject-publish",
            "x-dead-letter-exchange": exchange,
            "x-dead-letter-routing-key": routing_key,
            "x-dead-letter-strategy": "at-least-once",
            **more,
        },
    )


def _bindings(spec: TopologySpec) -> Iterator[Binding]:
    yield Binding(UNROUTED, UNROUTED, "")
    for name, service in spec.services.items():
        yield from _inbound_bindings(name, service)
    # Straight to the queue, not by way of aiops.commands: a second exchange would route by every key in the
    # headers CC and BCC too, and so hand a partner all the types it was not granted.
    for partner, grant in spec.partners.items():
        for name, service in spec.services.items():
            for message_type in service.work:
                if message_type in grant.may_send:
                    yield Binding(f"{INGRESS_PREFIX}{partner}", work_queue(name), message_type)


def _inbound_bindings(name: str, service: ServiceSpec) -> Iterator[Binding]:
    inbound = inbound_queues(name, service)
    yield from (Binding(COMMANDS_EXCHANGE, work_queue(name), message_type) for message_type in service.work)
    yield from (Binding(EVENTS_EXCHANGE, events_queue(name), pattern) for pattern in service.events)
    returns = (*(retry_queue(name, rung) for rung in RETRY_RUNGS if inbound), *inbound)
    # To the queues themselves for dead letters that are replayed: no right to write anywhere else is needed for that.
    yield from (Binding(RETRY_EXCHANGE, queue, queue) for queue in returns)
    if inbound:
        yield Binding(DEAD_EXCHANGE, dead_queue(name), dead_queue(name))


def _service_user(name: str, spec: TopologySpec) -> User:
    service = spec.services[name]
    inbound = inbound_queues(name, service)
    exchanges = [{"commands": COMMANDS_EXCHANGE, "events": EVENTS_EXCHANGE}[kind] for kind in service.publishes]
    exchanges += [RETRY_EXCHANGE, DEAD_EXCHANGE] if inbound else []
    if service.requests or service.asks:
        exchanges.append(DEFAULT_EXCHANGE_PERMISSION)  # a request, and the reply to one
    queues = [*inbound, *([requests_queue(name)] if service.requests else [])]
    if service.dead_letters:
        exchanges.append(RETRY_EXCHANGE)
        queues += dead_queues(spec.services)
    return User(name, "^$", _one_of(*dict.fromkeys(exchanges)), _one_of(*queues))


def _one_of(*names: str) -> str:
    if len(names) == 1:
        return f"^{re.escape(names[0])}$"
    return f"^({'|'.join(re.escape(name) for name in names)})$" if names else "^$"


def _refuse_overlap(policies: tuple[Policy, ...], queues: tuple[Queue, ...]) -> None:
    for queue in queues:
        matching = [policy.name for policy in policies if re.search(policy.pattern, queue.name)]
        if len(matching) > 1:
            raise InvalidTopology(f"queue {queue.name} matches the policies {matching}; RabbitMQ applies one only")
