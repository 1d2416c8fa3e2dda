"""What the databases and the queues say at the end."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import aio_pika
import asyncpg
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from aiops_common.messaging.names import REASON_HEADER, RETRY_RUNGS, dead_queue, events_queue, retry_queue, work_queue
from aiops_local.services import ENGINES, SERVICES
from soak.content import JobKind


@dataclass(frozen=True, slots=True)
class Place:
    """Where one kind of work lives: its owner, the table, which has the same name in the read model, and its events."""

    owner: str
    table: str
    results: tuple[str, ...]


PLACES = {
    JobKind.TICKET: Place("triage", "tickets", ("triage.ticket_triaged.v1", "triage.ticket_triage_failed.v1")),
    JobKind.LOG: Place(
        "summarizer", "log_entries", ("summarizer.log_summarized.v1", "summarizer.log_summary_failed.v1")
    ),
    JobKind.CHANGELOG: Place(
        "changelog", "changelogs", ("changelog.changelog_generated.v1", "changelog.changelog_failed.v1")
    ),
}
_PENDING = " PENDING"
STATUS_CHANGED = "triage.ticket_status_changed.v1"
_WAITING_QUEUES = (
    *(work_queue(owner) for owner in ENGINES),
    *(events_queue(owner) for owner in SERVICES),
    *(retry_queue(owner, rung) for owner in SERVICES for rung in RETRY_RUNGS),
)
_DEAD_QUEUES = (*(dead_queue(owner) for owner in SERVICES), "unrouted")


@dataclass(frozen=True, slots=True)
class Entity:
    """A row of its owner, or of the read model."""

    version: int
    state: str
    status: str | None = None


@dataclass(slots=True)
class FoundKind:
    """Everything about one kind of work, by the entity's id, which is the id of the message that made it.

    ``commands`` are the times at which the gateway accepted, ``results`` those at which the owner was done,
    ``readable`` those at which the result was committed to the read model, where nothing has changed it since.
    """

    entities: dict[UUID, Entity] = field(default_factory=dict)
    projected: dict[UUID, Entity] = field(default_factory=dict)
    commands: dict[UUID, datetime] = field(default_factory=dict)
    results: dict[UUID, list[datetime]] = field(default_factory=dict)
    readable: dict[UUID, datetime] = field(default_factory=dict)
    moves: dict[UUID, int] = field(default_factory=dict)
    inbox: set[UUID] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    queue: str
    message_id: str
    reason: str


@dataclass(slots=True)
class Found:
    """``waiting`` is what is still on its way: the outbox or queue → how many."""

    kinds: dict[JobKind, FoundKind] = field(default_factory=dict)
    dead: list[DeadLetter] = field(default_factory=list)
    waiting: dict[str, int] = field(default_factory=dict)

    @property
    def any_message_waits(self) -> bool:
        """Whether something may still come; a pending row alone is no promise, there must be a message for it."""
        return any(not name.endswith(_PENDING) for name in self.waiting)


async def waiting(database_url: str, amqp_url: str) -> dict[str, int]:
    """What is still on its way: unsent messages, pending rows and messages in queues; empty when all has settled."""
    counts: dict[str, int] = {}
    connection = await asyncpg.connect(database_url)
    try:
        for owner in SERVICES:
            counts[f"{owner}.outbox"] = await connection.fetchval(
                f"SELECT count(*) FROM {owner}.outbox WHERE sent_at IS NULL"
            )
        for place in PLACES.values():
            counts[f"gateway.{place.table}{_PENDING}"] = await connection.fetchval(
                f"SELECT count(*) FROM gateway.{place.table} WHERE state = 'PENDING'"
            )
    finally:
        await connection.close()
    async with await aio_pika.connect(amqp_url) as broker:
        channel = await broker.channel()
        for name in _WAITING_QUEUES:
            declared = (await channel.declare_queue(name, passive=True)).declaration_result
            counts[name] = declared.message_count or 0
    return {name: count for name, count in counts.items() if count}


async def look(database_url: str, amqp_url: str) -> Found:
    """Read everything; nothing is changed."""
    found = Found(waiting=await waiting(database_url, amqp_url), dead=await _dead_letters(amqp_url))
    connection = await asyncpg.connect(database_url)
    try:
        for kind, place in PLACES.items():
            found.kinds[kind] = await _kind(connection, kind, place)
    finally:
        await connection.close()
    return found


async def _kind(connection: asyncpg.Connection, kind: JobKind, place: Place) -> FoundKind:
    columns = f"id, version, state, {'status' if kind is JobKind.TICKET else 'NULL'} AS status"
    found = FoundKind()
    for row in await connection.fetch(f"SELECT {columns} FROM {place.owner}.{place.table}"):
        found.entities[row["id"]] = Entity(row["version"], row["state"], row["status"])
    for row in await connection.fetch(
        f"SELECT {columns}, pg_xact_commit_timestamp(xmin) AS committed FROM gateway.{place.table}"
    ):
        found.projected[row["id"]] = Entity(row["version"], row["state"], row["status"])
        if row["version"] == 1 and row["committed"] is not None:
            found.readable[row["id"]] = row["committed"]
    for row in await connection.fetch(
        "SELECT id, created_at FROM gateway.outbox WHERE routing_key LIKE $1", f"{place.owner}.%"
    ):
        found.commands[row["id"]] = row["created_at"]
    found.inbox = {row["message_id"] for row in await connection.fetch(f"SELECT message_id FROM {place.owner}.inbox")}
    await _events(connection, place, found)
    return found


async def _events(connection: asyncpg.Connection, place: Place, found: FoundKind) -> None:
    rows = await connection.fetch(
        f"SELECT routing_key, created_at, convert_from(body, 'UTF8')::jsonb ->> 'subject' AS subject "
        f"FROM {place.owner}.outbox WHERE routing_key = ANY($1) ORDER BY seq",
        [*place.results, STATUS_CHANGED],
    )
    for row in rows:
        subject = UUID(row["subject"])
        if row["routing_key"] == STATUS_CHANGED:
            found.moves[subject] = found.moves.get(subject, 0) + 1
        else:
            found.results.setdefault(subject, []).append(row["created_at"])


async def _dead_letters(amqp_url: str) -> list[DeadLetter]:
    dead = []
    # Taken without an acknowledgement, so that all of it goes back when the connection ends.
    async with await aio_pika.connect(amqp_url) as broker:
        channel = await broker.channel()
        for name in _DEAD_QUEUES:
            dead += [
                DeadLetter(name, message.message_id or "?", _reason(message)) for message in await _all(channel, name)
            ]
    return dead


async def _all(channel: AbstractChannel, name: str) -> list[AbstractIncomingMessage]:
    queue, messages = await channel.get_queue(name, ensure=False), []
    while (message := await queue.get(fail=False)) is not None:
        messages.append(message)
    return messages


def _reason(message: AbstractIncomingMessage) -> str:
    if told := message.headers.get(REASON_HEADER):
        return str(told)
    # Dead letters that the broker made have only its own header.
    return json.dumps(message.headers.get("x-death", "no reason"), default=str)
