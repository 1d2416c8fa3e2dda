"""The sum that every fault test ends with: accepted = completed + failed + dead-lettered + pending, one effect per key.

accepted = [await documents.submit(admin, documents.TRIAGE_TICKET, …), …]
…                                                       # break things, and repair them
balance = (await ledger.balance(accepted)).check()      # waits; AssertionError names what does not add up
assert balance.counts == {"completed": len(accepted)}
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from aiops_common.messaging.names import RETRY_RUNGS, dead_queue, retry_queue, work_queue
from aiops_gateway.graphql.ids import from_global_id
from support.peek import Waiting, in_hand, peek

SETTLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kind:
    """Where the entities of one GraphQL type stand: ``table`` exists in the owner's schema and in the gateway's."""

    owner: str
    table: str
    completed: str
    failed: str


KINDS = {
    "Ticket": Kind("triage", "tickets", "triage.ticket_triaged.v1", "triage.ticket_triage_failed.v1"),
    "LogEntry": Kind("summarizer", "log_entries", "summarizer.log_summarized.v1", "summarizer.log_summary_failed.v1"),
    "Changelog": Kind("changelog", "changelogs", "changelog.changelog_generated.v1", "changelog.changelog_failed.v1"),
}


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was accepted: by a mutation, or by the broker from a partner. ``type_name`` is a key of KINDS."""

    type_name: str
    id: UUID

    @classmethod
    def of(cls, entity: "Accepted | Mapping[str, Any] | str") -> "Accepted":
        """From an entity of a GraphQL answer, or from its global id."""
        if isinstance(entity, Accepted):
            return entity
        parsed = from_global_id(entity if isinstance(entity, str) else entity["id"])
        assert parsed is not None, f"not a global id: {entity!r}"
        return cls(*parsed)


@dataclass(frozen=True, slots=True)
class Balance:
    """Every accepted id in exactly one of five sets, and what breaks the rule of one effect per key.

    ``failed`` have a FAILED entity (usually with a dead letter beside it), ``dead`` have a dead letter only, ``lost``
    are nowhere. ``wrong`` says of an id what is wrong with its effects. ``letters`` is all that lies in dead queues.
    """

    completed: frozenset[UUID]
    failed: frozenset[UUID]
    dead: frozenset[UUID]
    pending: frozenset[UUID]
    lost: frozenset[UUID]
    wrong: Mapping[UUID, str]
    letters: tuple[Waiting, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many of each, without those that are none."""
        sizes = {name: len(getattr(self, name)) for name in ("completed", "failed", "dead", "pending", "lost")}
        return {name: size for name, size in sizes.items() if size}

    def check(self) -> "Balance":
        """Raises AssertionError, with the ids, where something was lost or had more or less than its one effect."""
        problems = [f"{identity}: {what}" for identity, what in self.wrong.items()]
        problems += [f"{identity}: lost; it is in no table, no outbox and no queue" for identity in self.lost]
        assert not problems, f"{self.counts}\n" + "\n".join(sorted(problems))
        return self


@dataclass(frozen=True, slots=True)
class _Entity:
    state: str
    version: int
    in_inbox: bool
    shown_version: int | None


@dataclass(slots=True)
class _Look:
    """What was seen at one moment."""

    entities: dict[UUID, _Entity]
    letters: list[Waiting]
    on_its_way: set[UUID] = field(default_factory=set)

    @property
    def dead(self) -> set[UUID]:
        return {identity for letter in self.letters for identity in letter.ids} - self.entities.keys()

    def missing(self, accepted: Iterable[UUID]) -> set[UUID]:
        return set(accepted) - self.entities.keys() - self.dead - self.on_its_way


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads the truth out of the owners' tables, the outboxes and the queues; both servers must be up for that.

    ``missing_seconds`` is how long a message may be nowhere before it counts as lost: it may just be moving from one
    queue to another, and what is known about messages in consumers' hands is up to 5 s old.
    """

    database_url: str = field(repr=False)
    amqp_url: str = field(repr=False)
    management_url: str = field(repr=False)
    missing_seconds: float = 15.0

    async def balance(
        self, accepted: Iterable[Accepted | Mapping[str, Any] | str], *, seconds: float = SETTLE_SECONDS
    ) -> Balance:
        """What became of ``accepted``. Waits up to ``seconds`` until all of it is done and shown to readers; what is
        still on its way then is ``pending``.

        Finding pending messages looks into work and retry queues, which counts as a delivery of what lies there.
        """
        messages = {one.id: KINDS[one.type_name] for one in map(Accepted.of, accepted)}
        connection = await asyncpg.connect(self.database_url)
        try:
            look = await self._settled(connection, messages, seconds)
            if look.missing(messages):
                look = await self._found(connection, messages)
            wrong = await _wrong_effects(connection, messages)
        finally:
            await connection.close()
        if not look.missing(messages) and seconds:
            wrong = {**_unshown(look.entities), **wrong}
        return Balance(
            completed=frozenset(one for one, entity in look.entities.items() if entity.state == "SUCCEEDED"),
            failed=frozenset(one for one, entity in look.entities.items() if entity.state == "FAILED"),
            dead=frozenset(look.dead & messages.keys()),
            pending=frozenset(look.on_its_way),
            lost=frozenset(look.missing(messages)),
            wrong=wrong,
            letters=tuple(look.letters),
        )

    async def _settled(self, connection: asyncpg.Connection, messages: Mapping[UUID, Kind], seconds: float) -> _Look:
        deadline = time.monotonic() + seconds
        while True:
            look = await self._look(connection, messages)
            done = not look.missing(messages) and not _unshown(look.entities)
            if done or time.monotonic() >= deadline:
                return look
            await asyncio.sleep(0.5)

    async def _look(self, connection: asyncpg.Connection, messages: Mapping[UUID, Kind]) -> _Look:
        # The tables first: a message that is given up between the two looks is seen by the second.
        entities = await _entities(connection, messages)
        owners = {kind.owner for kind in messages.values()}
        return _Look(entities, await peek(self.amqp_url, *map(dead_queue, sorted(owners))))

    async def _found(self, connection: asyncpg.Connection, messages: Mapping[UUID, Kind]) -> _Look:
        """Look again, everywhere, until each message was seen somewhere or has been nowhere for too long."""
        deadline = time.monotonic() + self.missing_seconds
        while True:
            look = await self._look(connection, messages)
            undone = look.missing(messages)
            look.on_its_way = undone & await self._waiting(connection, undone, messages)
            nowhere = look.missing(messages)
            if not nowhere:
                return look
            if time.monotonic() >= deadline:
                # Not before: right after an outage the number tells of messages that have been settled since.
                if len(nowhere) <= await self._in_hand(messages[one] for one in nowhere):
                    look.on_its_way |= nowhere
                return look
            await asyncio.sleep(1)

    async def _waiting(
        self, connection: asyncpg.Connection, undone: set[UUID], messages: Mapping[UUID, Kind]
    ) -> set[UUID]:
        unsent = await connection.fetch(
            "SELECT id FROM gateway.outbox WHERE id = ANY($1::uuid[]) AND sent_at IS NULL", list(undone)
        )
        queues = [queue for owner in {messages[one].owner for one in undone} for queue in _queues(owner)]
        waiting = await peek(self.amqp_url, *queues)
        return {row["id"] for row in unsent} | {identity for message in waiting for identity in message.ids}

    async def _in_hand(self, kinds: Iterable[Kind]) -> int:
        return await in_hand(self.management_url, *{work_queue(kind.owner) for kind in kinds})


def _queues(owner: str) -> list[str]:
    return [work_queue(owner), *(retry_queue(owner, rung) for rung in RETRY_RUNGS)]


def _by_kind(messages: Mapping[UUID, Kind]) -> dict[Kind, list[UUID]]:
    return {kind: [one for one in messages if messages[one] is kind] for kind in set(messages.values())}


async def _entities(connection: asyncpg.Connection, messages: Mapping[UUID, Kind]) -> dict[UUID, _Entity]:
    found = {}
    for kind, ids in _by_kind(messages).items():
        rows = await connection.fetch(
            f"""
            SELECT id, owned.state, owned.version, inbox.message_id IS NOT NULL AS in_inbox,
                shown.version AS shown_version
            FROM {kind.owner}.{kind.table} AS owned
            LEFT JOIN {kind.owner}.inbox ON message_id = id LEFT JOIN gateway.{kind.table} AS shown USING (id)
            WHERE id = ANY($1::uuid[])
            """,
            ids,
        )
        for row in rows:
            found[row["id"]] = _Entity(row["state"], row["version"], row["in_inbox"], row["shown_version"])
    return found


def _unshown(entities: Mapping[UUID, _Entity]) -> dict[UUID, str]:
    return {
        identity: f"has version {entity.version}, and readers are shown version {entity.shown_version}"
        for identity, entity in entities.items()
        if entity.shown_version != entity.version
    }


async def _wrong_effects(connection: asyncpg.Connection, messages: Mapping[UUID, Kind]) -> dict[UUID, str]:
    """Each change of an entity writes one version and one event of it, a success marks its message as done: by that an
    effect that was had twice, or by half, is known."""
    # Both as of one moment: work may still be going on.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        entities = await _entities(connection, messages)
        told: dict[UUID, Counter[str]] = {}
        for kind in _by_kind(messages):
            told |= await _events(connection, kind.owner)
    wrong = {}
    for identity, kind in messages.items():
        entity, events = entities.get(identity), told.get(identity, Counter())
        version = entity.version if entity else 0
        # What a model was asked is told beside a change, with it or not at all.
        runs = events[f"{kind.owner}.llm_runs_recorded.v1"]
        twice = max(events[kind.completed], events[kind.failed]) > 1 or runs > events[kind.completed]
        if twice or events.total() - runs != version:
            wrong[identity] = f"has version {version} and the events {dict(events)}"
        elif entity and entity.in_inbox != (entity.state == "SUCCEEDED"):
            wrong[identity] = f"is {entity.state} and {'' if entity.in_inbox else 'not '}in the inbox"
    return wrong


async def _events(connection: asyncpg.Connection, owner: str) -> dict[UUID, Counter[str]]:
    """For each entity of the owner, how many events of each type about it were written."""
    rows = await connection.fetch(
        f"""
        SELECT convert_from(body, 'UTF8')::jsonb ->> 'subject' AS subject, routing_key, count(*) AS number
        FROM {owner}.outbox WHERE exchange = 'aiops.events' GROUP BY subject, routing_key
        """
    )
    told: dict[UUID, Counter[str]] = {}
    for row in rows:
        if row["subject"] is not None:
            told.setdefault(UUID(row["subject"]), Counter())[row["routing_key"]] = row["number"]
    return told
