"""The audit log: what was done, by whom and with which outcome; own attempts, and what auth recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from aiops_common.postgres import Connection, encode_json
from aiops_contracts.auth import SecurityEvent
from aiops_gateway.domain.paging import PageRequest, Position

_COLUMNS = "id, at, action, outcome, principal, subject, address, trace_id, details"
# Processes of the version before write neither principal nor outcome while they are being replaced.
_SHOWN = """id, at, action, coalesce(outcome, details ->> 'outcome', 'UNKNOWN') AS outcome,
    coalesce(principal, 'user:' || actor, 'unknown') AS principal, subject, address, trace_id, details"""

_DELETED_AT_ONCE = 1_000
_MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What somebody wants to have done. Ids and numbers only: the log outlives the data that it is about."""

    id: UUID
    principal: str
    action: str
    subject: UUID | None = None
    address: str | None = None
    trace_id: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A row of the audit log. ``principal`` is who did it, ``subject`` the id of what it was done to."""

    id: UUID
    at: datetime
    action: str
    outcome: str
    principal: str
    subject: UUID | None
    address: str | None
    trace_id: str | None
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """Which records are wanted; None means any. ``since`` is the first instant, ``until`` the one behind the last."""

    principal: str | None = None
    action: str | None = None
    outcome: str | None = None
    subject: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


async def add(connection: Connection, attempt: Attempt, outcome: str) -> None:
    """Record an attempt, with the database's time; one that is recorded already stays as it is."""
    await connection.execute(
        """
        INSERT INTO audit_log (id, principal, action, outcome, subject, address, trace_id, details)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) ON CONFLICT (id) DO NOTHING
        """,
        attempt.id, attempt.principal, attempt.action, outcome, attempt.subject, attempt.address, attempt.trace_id,
        encode_json(attempt.details),
    )  # fmt: skip


async def complete(connection: Connection, attempt_id: UUID, outcome: str, facts: dict[str, Any]) -> None:
    """Add what came of the attempt."""
    await connection.execute(
        "UPDATE audit_log SET outcome = $2, details = details || $3::jsonb WHERE id = $1",
        attempt_id, outcome, encode_json(facts),
    )  # fmt: skip


async def project(connection: Connection, events: Sequence[SecurityEvent]) -> None:
    """Keep what auth recorded; what is there already stays as it is."""
    newest = {event.id: event for event in events}
    ordered = [newest[identity] for identity in sorted(newest)]
    await connection.execute(
        f"""
        INSERT INTO audit_log ({_COLUMNS})
        SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::text[],
                             $8::text[], $9::jsonb[])
        ON CONFLICT (id) DO NOTHING
        """,
        [event.id for event in ordered],
        [event.at for event in ordered],
        [event.action for event in ordered],
        [event.outcome for event in ordered],
        [event.actor for event in ordered],
        [event.subject for event in ordered],
        [event.address for event in ordered],
        [event.trace_id for event in ordered],
        [encode_json(event.details) for event in ordered],
    )


async def page(connection: Connection, request: PageRequest, condition: Condition) -> tuple[list[Record], bool]:
    """One page of the records, newest first, and whether there are older ones."""
    where, arguments = _where(condition)
    if request.after is not None:
        arguments += [request.after.created_at, request.after.id]
        where.append(f"(at, id) < (${len(arguments) - 1}, ${len(arguments)})")
    arguments.append(request.size + 1)
    rows = await connection.fetch(
        f"SELECT {_SHOWN} FROM audit_log WHERE {' AND '.join(where)} ORDER BY at DESC, id DESC LIMIT ${len(arguments)}",
        *arguments,
    )
    found = [Record(**{**row, "details": orjson.loads(row["details"])}) for row in rows[: request.size]]
    return found, len(rows) > request.size


async def count(connection: Connection, condition: Condition) -> int:
    """How many records match, up to 10,000: of a long log nobody wants to wait for the exact number."""
    where, arguments = _where(condition)
    total: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT FROM audit_log WHERE {' AND '.join(where)} LIMIT {_MOST_COUNTED}) AS found",
        *arguments,
    )
    return total


async def delete_old(connection: Connection, *, older_than_days: int) -> int:
    """Delete up to 1,000 of the oldest records that are older than that; returns how many."""
    deleted = await connection.fetch(
        f"""
        DELETE FROM audit_log WHERE id IN (
            SELECT id FROM audit_log WHERE at < now() - make_interval(days => $1)
            ORDER BY at LIMIT {_DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED
        ) RETURNING 1
        """,
        older_than_days,
    )
    return len(deleted)


def position(record: Record) -> Position:
    """Where the record stands in the list."""
    return Position(record.at, record.id)


def _where(condition: Condition) -> tuple[list[str], list[Any]]:
    where, arguments = ["true"], list[Any]()
    for expression, value in (
        ("principal = ", condition.principal),
        ("action = ", condition.action),
        ("outcome = ", condition.outcome),
        ("subject = ", condition.subject),
        ("at >= ", condition.since),
        ("at < ", condition.until),
    ):
        if value is not None:
            arguments.append(value)
            where.append(f"{expression}${len(arguments)}")
    return where, arguments
