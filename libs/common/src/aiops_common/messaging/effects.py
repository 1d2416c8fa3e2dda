"""Effects of messages, each at most once: inbox, entity, its change and the outgoing event in one transaction.

Concurrent deliveries share a transaction (group commit), so that the cost of a commit is split among them.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from aiops_common.batching import Batcher
from aiops_common.history import History
from aiops_common.logging import get_logger
from aiops_common.messaging import given_up, inbox, outbox
from aiops_common.messaging.message import Delivery, Outgoing, Poison, current_trace_headers, outgoing
from aiops_common.messaging.names import EVENTS_EXCHANGE
from aiops_common.messaging.relay import HAND_OVER_LEASE_SECONDS, HandOver
from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_contracts.base import Event

_log = get_logger(__name__)

OUTAGE_SECONDS = 5 * 60.0
"""How long a finished effect waits for PostgreSQL; less than ``consumer.HOLD_SECONDS``, of which it is a part."""

OUTAGE_PAUSE_SECONDS = 1.0

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    parameters: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Also:
    """What is written beside an entity, in its transaction or not at all: rows of other tables, and more events."""

    events: tuple[Event, ...] = ()
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect(Generic[E]):
    """What one message leads to: an entity, and the event that tells of it.

    ``follow`` gives the entity as it follows on the one that there is, if there is one, with the next version; it is
    called inside the transaction, where that is known. ``kind`` is what the entity's history calls the change.
    """

    delivery: Delivery[Any]
    follow: Callable[[E | None], E]
    event: Callable[[E], Event]
    kind: str
    also: Also = Also()
    trace_headers: dict[str, str] = field(default_factory=current_trace_headers)


class Store(Protocol[E]):
    """The part of a service's repository that effects need.

    ``insert`` is an ``INSERT INTO <table> (…) SELECT … FROM unnest($1, $2, …) AS e (id, …)`` without a condition, and
    ``columns`` are its parameters, one array for each. ``history`` is None where none is kept.
    """

    table: str
    insert: str

    @property
    def history(self) -> History[E] | None:
        """Where the versions of entities are recorded."""

    def columns(self, entities: Sequence[E]) -> list[list[Any]]:
        """The parameters of ``insert``."""

    async def get_for_update(self, connection: Connection, entity_id: UUID) -> E | None:
        """The entity, locked until the transaction ends; None where there is none."""

    async def save(self, connection: Connection, entities: Sequence[E]) -> None:
        """Insert or replace."""


class EffectWriter(Generic[E]):
    """Writes effects; the entity's id is the id of the message that made it."""

    def __init__(self, pool: Pool, store: Store[E], hand_over: HandOver, *, source: str) -> None:
        self._pool = pool
        self._hand_over = hand_over
        self._source = source
        self._store = store
        self._first_effects = _first_effects_statement(store)
        self._batcher: Batcher[Effect[E], bool] = Batcher(
            self._flush, fails_all=lambda error: isinstance(error, DatabaseUnavailable)
        )

    async def write(self, effect: Effect[E]) -> bool:
        """Write the effect unless the message had it before; returns whether it was written.

        Waits while PostgreSQL is away, so that work which cost money is not thrown away for that.

        Raises:
            DatabaseUnavailable: it stayed away; whether it was written is unknown, so call again.
            Poison: its id is that of a message with another content, or of another sender's entity.
        """
        until = time.monotonic() + OUTAGE_SECONDS
        while True:
            try:
                return await self._batcher.submit(effect)
            except DatabaseUnavailable as error:
                if time.monotonic() >= until:
                    raise
                _log.debug("effects.waiting", message_id=str(effect.delivery.id), error=str(error))
                await asyncio.sleep(OUTAGE_PAUSE_SECONDS)

    async def write_failure(self, effect: Effect[E]) -> bool:
        """Write the effect of giving up: only where there is no entity yet, and without marking the message as done,
        so that its dead letter can be replayed later.

        Raises:
            DatabaseUnavailable: as ``write``.
        """
        entity = effect.follow(None)
        events = self._events(entity, effect)
        async with self._pool.transaction() as connection:
            # Not looked for first: another delivery of the message may succeed between the look and the writing.
            saved = await connection.fetch(
                f"{self._store.insert} ON CONFLICT (id) DO NOTHING RETURNING id", *self._store.columns([entity])
            )
            if not saved:
                return False
            await self._record(connection, effect, None, entity)
            await _execute(connection, [effect])
            await given_up.record(connection, effect.delivery)
            await outbox.append(connection, events, lease_seconds=HAND_OVER_LEASE_SECONDS)
        self._hand_over(events)
        return True

    async def _flush(self, effects: Sequence[Effect[E]]) -> list[bool | Exception]:
        first = {effect.delivery.id: effect for effect in reversed(effects)}
        written: dict[UUID, bool | Exception] = dict.fromkeys(await self._write_first(first), True)
        for identity, effect in first.items():
            if identity not in written:
                written[identity] = await self._write_again(effect)
        return [
            written[effect.delivery.id] if first[effect.delivery.id] is effect else _repetition(effect, first)
            for effect in effects
        ]

    async def _write_first(self, by_id: dict[UUID, Effect[E]]) -> set[UUID]:
        """Write those effects that make a new entity, all in one statement; returns their ids."""
        ordered = [by_id[identity] for identity in sorted(by_id)]  # so that overlapping batches cannot deadlock
        entities = [effect.follow(None) for effect in ordered]
        events = [self._events(entity, effect) for entity, effect in zip(entities, ordered, strict=True)]
        causes = [effect.delivery.id for effect in ordered]
        caused = [(cause, event) for cause, told in zip(causes, events, strict=True) for event in told]
        parameters = (
            *self._store.columns(entities),
            causes,
            [effect.delivery.message.message_type for effect in ordered],
            [effect.delivery.digest or None for effect in ordered],
            *outbox.caused_columns(caused, HAND_OVER_LEASE_SECONDS),
            *self._first_changes(ordered, entities),
        )
        # A statement is a transaction of its own: only those effects that bring more take the longer way.
        brings_more = any(effect.also.statements for effect in ordered)
        begun = self._pool.transaction() if brings_more else self._pool.connection()
        async with begun as connection:
            done = {row["id"] for row in await connection.fetch(self._first_effects, *parameters)}
            await _execute(connection, [effect for effect in ordered if effect.delivery.id in done])
        self._hand_over([event for cause, event in caused if cause in done])
        return done

    async def _write_again(self, effect: Effect[E]) -> bool | Poison:
        """Write the effect of a message that had it already (then nothing is written) or was once given up."""
        delivery = effect.delivery
        try:
            async with self._pool.transaction() as connection:
                claimed = await inbox.claim(connection, delivery.id, delivery.message.message_type, delivery.digest)
                if not claimed:
                    return not await inbox.is_done(connection, delivery)
                before = await self._store.get_for_update(connection, delivery.id)
                if before is not None:
                    await given_up.take_back(connection, delivery)
                entity = effect.follow(before)
                events = self._events(entity, effect)
                await self._store.save(connection, [entity])
                await self._record(connection, effect, before, entity)
                await _execute(connection, [effect])
                await outbox.append(connection, events, lease_seconds=HAND_OVER_LEASE_SECONDS)
        except Poison as poison:
            return poison
        self._hand_over(events)
        return True

    def _first_changes(self, effects: Sequence[Effect[E]], entities: Sequence[E]) -> list[list[Any]]:
        history = self._store.history
        if history is None:
            return []
        pairs = zip(effects, entities, strict=True)
        return history.columns([history.change(None, entity, one.kind) for one, entity in pairs])

    async def _record(self, connection: Connection, effect: Effect[E], before: E | None, entity: E) -> None:
        if (history := self._store.history) is not None:
            await history.append(connection, history.change(before, entity, effect.kind))

    def _events(self, entity: E, effect: Effect[E]) -> list[Outgoing]:
        return [
            outgoing(
                event,
                exchange=EVENTS_EXCHANGE,
                source=self._source,
                subject=str(effect.delivery.id),
                trace_headers=effect.trace_headers,
            )
            for event in (effect.event(entity), *effect.also.events)
        ]


async def _execute(connection: Connection, effects: Sequence[Effect[E]]) -> None:
    for effect in effects:
        for statement in effect.also.statements:
            await connection.execute(statement.sql, *statement.parameters)


def _repetition(effect: Effect[E], first: Mapping[UUID, Effect[E]]) -> bool | Poison:
    """The outcome for an effect whose message came twice in one batch."""
    return False if inbox.same(first[effect.delivery.id].delivery.digest, effect.delivery.digest) else inbox.id_reused()


def _first_effects_statement(store: Store[E]) -> str:
    # One statement is one round trip and one transaction, where the usual way takes six.
    first = len(store.columns([])) + 1
    changed = (
        f", changed AS ({store.history.insert(first + 10)} WHERE c.id IN (SELECT id FROM claimed))"
        if store.history is not None
        else ""
    )
    return f"""
        WITH claimed AS (
            INSERT INTO inbox (message_id, message_type, digest)
            SELECT m.* FROM unnest(${first}::uuid[], ${first + 1}::text[], ${first + 2}::bytea[]) AS m (id)
            WHERE NOT EXISTS (SELECT FROM {store.table} AS known WHERE known.id = m.id)
            ON CONFLICT (message_id) DO NOTHING
            RETURNING message_id AS id
        ), saved AS (
            {store.insert} WHERE e.id IN (SELECT id FROM claimed)
        ), sent AS (
            {outbox.insert_caused(first + 3, "claimed")}
        ){changed}
        SELECT id FROM claimed
    """
