"""Rebuilding the read model from the services that own what it shows, while it is read and written."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from opentelemetry import trace

from aiops_common.messaging.message import Poison, decode_data, decode_envelope, trace_context
from aiops_common.messaging.names import PRINCIPAL_HEADER
from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts.auth import SigningKey
from aiops_contracts.base import Snapshot
from aiops_gateway.domain.parts import Part
from aiops_gateway.repository import read_model, rebuild
from aiops_gateway.repository.rebuild import TableBusy
from aiops_gateway.service.pending import Origin
from aiops_gateway.service.sources import SOURCES, Accepted, Replayed, Source, Vanishing

T = TypeVar("T")

_COMMANDS_AT_ONCE = 20
"""Commands to hold in memory; each may be a megabyte."""

_PASSING = (NoReply, DatabaseUnavailable, TableBusy)
_LONGEST_WAIT_SECONDS = 5.0


class Stuck(Exception):
    """A rebuild cannot go on; the message names the part, who is missing and what to do. What was rebuilt stays."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a part is: rows that its owner told of, those of them that were written, pending rows that were made
    from commands of the outbox, and commands there that cannot be read any more.
    """

    part: Part
    rows_read: int = 0
    rows_changed: int = 0
    rows_restored: int = 0
    not_readable: int = 0
    seconds: float = 0.0
    done: bool = False


class Rebuild:
    """Brings the read model to what its owners have; to be run any number of times, also at once and beside traffic.

    Each step is tried again with back-off while the broker, an owner or the database is away, for at most
    ``patience_seconds`` without any progress.
    """

    def __init__(self, pool: Pool, requester: Requester, *, patience_seconds: float = 60.0) -> None:
        self._pool = pool
        self._requester = requester
        self._patience_seconds = patience_seconds

    async def run(self, parts: Sequence[Part] = tuple(Part), *, from_empty: bool = False) -> AsyncIterator[Progress]:
        """Rebuild ``parts``; tells of every page.

        In place, rows are repaired one by one, and readers never miss one. With ``from_empty`` what is not the
        owners' goes too; rows are missing until their page has come, except for those of the first page. Nothing is
        emptied before the owners of all ``parts`` have answered.

        Raises:
            Stuck: no progress for too long.
        """
        sources = [SOURCES[part] for part in Part if part in parts]
        if from_empty:
            for source in sources:
                await self._page(source, None)
        for source in sources:
            async for progress in self._rebuild(source, from_empty):
                yield progress

    async def _rebuild(self, source: Source, from_empty: bool) -> AsyncIterator[Progress]:
        started, now = time.monotonic(), Progress(source.part)
        # Before the owner is asked: what comes while it answers is not missing from its answer, it is newer.
        unlisted = await self._persist(source, partial(self._known, source.vanishing))
        if from_empty:
            now = replace(now, rows_changed=await self._start_again(source))
        async for page in self._pages(source):
            changed = now.rows_changed + await self._repair(source, page.snapshots)
            now = replace(now, rows_read=now.rows_read + len(page.snapshots), rows_changed=changed)
            unlisted.difference_update(one.id for one in page.snapshots if not isinstance(one, SigningKey))
            yield replace(now, seconds=time.monotonic() - started)
        if unlisted and source.vanishing is not None:
            ended = await self._persist(source, partial(self._vanish, source.vanishing, unlisted))
            now = replace(now, rows_changed=now.rows_changed + ended)
        if source.accepted is not None:
            # After the owner's rows: what is done already would be shown as pending for a while otherwise.
            restored, not_readable = await self._restore(source, source.accepted)
            now = replace(now, rows_restored=restored, not_readable=not_readable)
        yield replace(now, seconds=time.monotonic() - started, done=True)

    async def _pages(self, source: Source) -> AsyncIterator[Replayed]:
        after: Any = None
        while True:
            page = await self._page(source, after)
            yield page
            if page.next_after is None:
                return
            if after is not None and page.next_after <= after:
                raise Stuck(f"{source.part}: the pages of {source.owner} do not advance; look for its newest version")
            after = page.next_after

    async def _page(self, source: Source, after: Any) -> Replayed:
        return await self._persist(source, lambda: source.page(self._requester, after))

    async def _repair(self, source: Source, snapshots: Sequence[Any]) -> int:
        async def write() -> int:
            async with self._pool.connection() as connection:
                return await source.repair(connection, snapshots)

        return await self._persist(source, write)

    async def _known(self, vanishing: Vanishing | None) -> set[UUID]:
        if vanishing is None:
            return set()
        async with self._pool.connection() as connection:
            return await vanishing.known(connection)

    async def _vanish(self, vanishing: Vanishing, unlisted: Collection[UUID]) -> int:
        async with self._pool.connection() as connection:
            return await vanishing.end(connection, unlisted)

    async def _start_again(self, source: Source) -> int:
        """Empty the table and put in, at once, the first page and what no service knows of; returns rows written."""
        kind = source.accepted and source.accepted.kind
        # So that keys and a small table of accounts are never missing. It is asked for again afterwards: an event may
        # be projected between this answer and the emptying.
        first = await self._page(source, None)

        async def write() -> int:
            async with self._pool.connection() as connection:
                kept = await rebuild.only_here(connection, kind) if kind else []
            async with self._pool.transaction() as connection:
                await rebuild.empty(connection, source.table)
                if kind:
                    await rebuild.add(connection, kind, kept)
                return await source.repair(connection, first.snapshots)

        return await self._persist(source, write)

    async def _restore(self, source: Source, accepted: Accepted) -> tuple[int, int]:
        async def look() -> list[UUID]:
            async with self._pool.connection() as connection:
                return await rebuild.missing_commands(connection, accepted.kind, accepted.command.message_type)

        missing = await self._persist(source, look)
        restored = not_readable = 0
        for start in range(0, len(missing), _COMMANDS_AT_ONCE):
            some = partial(self._restore_some, accepted, missing[start : start + _COMMANDS_AT_ONCE])
            added, failed = await self._persist(source, some)
            restored, not_readable = restored + added, not_readable + failed
        return restored, not_readable

    async def _restore_some(self, accepted: Accepted, ids: Sequence[UUID]) -> tuple[int, int]:
        async with self._pool.connection() as connection:
            commands = await rebuild.commands(connection, ids)
        made = [_pending(accepted, body, headers) for body, headers in commands]
        rows = [snapshot for snapshot in made if snapshot is not None]
        async with self._pool.connection() as connection:
            added = await rebuild.add(connection, accepted.kind, read_model.columns(accepted.kind, rows))
        return added, len(made) - len(rows)

    async def _persist(self, source: Source, step: Callable[[], Awaitable[T]]) -> T:
        """Try ``step`` until it succeeds or the patience is at its end."""
        deadline, wait = time.monotonic() + self._patience_seconds, 0.2
        while True:
            try:
                return await step()
            except _PASSING as error:
                if time.monotonic() + wait > deadline:
                    raise _stuck(source, error, self._patience_seconds) from error
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 -- spreading load, not a secret
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


def _stuck(source: Source, error: Exception, seconds: float) -> Stuck:
    if isinstance(error, NoReply):
        missing, cure = f"no answer from {source.owner}", f"see that {source.owner} and RabbitMQ run"
    else:
        missing, cure = "the gateway's database cannot be used", "see that PostgreSQL runs"
    return Stuck(
        f"{source.part}: {missing} for {seconds:g} s ({error}). What was rebuilt stays; {cure}, then run this again."
    )


def _pending(accepted: Accepted, body: bytes, headers: Mapping[str, str]) -> Snapshot | None:
    """The row that was accepted with a command of the outbox; None where the command cannot be read any more."""
    try:
        envelope = decode_envelope(body)
        command = decode_data(envelope, accepted.command)
    except Poison:
        return None
    context = trace.get_current_span(trace_context(headers)).get_span_context()
    trace_id = f"{context.trace_id:032x}" if context.is_valid else None
    origin = Origin(envelope.id, envelope.time, headers.get(PRINCIPAL_HEADER, ""), trace_id)
    return accepted.pending(command, origin)
