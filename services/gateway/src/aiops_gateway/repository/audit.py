"""The audit log: what was done, by whom and with which outcome; own attempts, and what auth recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from aiops_common.postgres import Connection, encode_json
from aiops_contracts.auth import SecurityEvent
from aiops_gateway.repository.journal import Journal, Terms

_COLUMNS = "id, at, action, outcome, principal, subject, address, trace_id, details"
# Processes of the version before write neither principal nor outcome while they are being replaced.
_SHOWN = """id, at, action, coalesce(outcome, details ->> 'outcome', 'UNKNOWN') AS outcome,
    coalesce(principal, 'user:' || actor, 'unknown') AS principal, subject, address, trace_id, details"""


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

    def terms(self) -> Terms:
        """The same for the journal."""
        for name in ("principal", "action", "outcome", "subject"):
            yield f"{name} =", getattr(self, name)
        yield from (("at >=", self.since), ("at <", self.until))


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


def _record(row: Mapping[str, Any]) -> Record:
    return Record(**{**row, "details": orjson.loads(row["details"])})


JOURNAL = Journal("audit_log", _SHOWN, _record)
