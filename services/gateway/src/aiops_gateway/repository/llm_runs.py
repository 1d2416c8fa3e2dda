"""What language models were asked, as the services told it. Rows are added and, when they are old, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from aiops_common.postgres import Connection
from aiops_contracts.base import LlmRun
from aiops_gateway.domain.paging import PageRequest, Position

_TYPES: Final = {
    "id": "uuid", "at": "timestamptz", "operation": "text", "step": "text", "template": "text", "model": "text",
    "outcome": "text", "input": "text", "output": "text", "input_tokens": "int", "output_tokens": "int",
    "duration_ms": "int", "subject_kind": "text", "subject": "uuid", "trace_id": "text",
}  # fmt: skip
_COLUMNS: Final = ", ".join(_TYPES)
_ROWS: Final = ", ".join(f"${number}::{name}[]" for number, name in enumerate(_TYPES.values(), start=1))
_LISTED: Final = ", ".join(name for name in _TYPES if name not in ("input", "output"))

_WRITTEN_AT_ONCE: Final = 100
_DELETED_AT_ONCE: Final = 1_000
_MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """A run, and the kind of entity in the read model that it was about."""

    run: LlmRun
    subject_kind: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A row without its texts."""

    id: UUID
    at: datetime
    operation: str
    step: str
    template: str
    model: str | None
    outcome: str
    input_tokens: int | None
    output_tokens: int | None
    duration_ms: int
    subject_kind: str
    subject: UUID
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Texts:
    """What a model was asked, and what it answered; both redacted and cut by the service that asked."""

    input: str
    output: str | None


@dataclass(frozen=True, slots=True)
class Condition:
    """Which runs are wanted; None means any. Neither of the two moments is among them."""

    operation: str | None = None
    template: str | None = None
    model: str | None = None
    outcome: str | None = None
    subject: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


async def project(connection: Connection, told: Sequence[Told]) -> None:
    """Add runs; one that is there already stays as it is, so that it does not matter if only some were added."""
    newest = {one.run.id: one for one in told}
    ordered = [newest[identity] for identity in sorted(newest)]
    for start in range(0, len(ordered), _WRITTEN_AT_ONCE):
        some = ordered[start : start + _WRITTEN_AT_ONCE]
        await connection.execute(
            f"INSERT INTO llm_runs ({_COLUMNS}) SELECT * FROM unnest({_ROWS}) ON CONFLICT (id) DO NOTHING",
            *([_value(one, column) for one in some] for column in _TYPES),
        )


async def get(connection: Connection, identity: UUID) -> Listed | None:
    """One run, None where there is none."""
    row = await connection.fetchrow(f"SELECT {_LISTED} FROM llm_runs WHERE id = $1", identity)
    return Listed(**row) if row else None


async def texts(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Texts]:
    """The texts of these runs; those that are not there are left out."""
    rows = await connection.fetch("SELECT id, input, output FROM llm_runs WHERE id = ANY($1::uuid[])", list(ids))
    return {row["id"]: Texts(row["input"], row["output"]) for row in rows}


async def page(connection: Connection, request: PageRequest, condition: Condition) -> tuple[list[Listed], bool]:
    """One page of the runs, newest first, and whether there are older ones."""
    where, arguments = _where(condition)
    if request.after is not None:
        arguments += [request.after.created_at, request.after.id]
        where.append(f"(at, id) < (${len(arguments) - 1}, ${len(arguments)})")
    arguments.append(request.size + 1)
    rows = await connection.fetch(
        f"SELECT {_LISTED} FROM llm_runs WHERE {' AND '.join(where)} ORDER BY at DESC, id DESC LIMIT ${len(arguments)}",
        *arguments,
    )
    return [Listed(**row) for row in rows[: request.size]], len(rows) > request.size


async def count(connection: Connection, condition: Condition) -> int:
    """How many runs match, up to 10,000: of so many nobody wants to wait for the exact number."""
    where, arguments = _where(condition)
    total: int = await connection.fetchval(
        f"SELECT count(*) FROM (SELECT FROM llm_runs WHERE {' AND '.join(where)} LIMIT {_MOST_COUNTED}) AS found",
        *arguments,
    )
    return total


async def delete_old(connection: Connection, *, older_than_days: int) -> int:
    """Delete up to 1,000 of the oldest runs that are older than that; returns how many."""
    deleted = await connection.fetch(
        f"""
        DELETE FROM llm_runs WHERE id IN (
            SELECT id FROM llm_runs WHERE at < now() - make_interval(days => $1)
            ORDER BY at LIMIT {_DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED
        ) RETURNING 1
        """,
        older_than_days,
    )
    return len(deleted)


def position(run: Listed) -> Position:
    """Where the run stands in the list."""
    return Position(run.at, run.id)


def _value(told: Told, column: str) -> Any:
    return told.subject_kind if column == "subject_kind" else getattr(told.run, column)


def _where(condition: Condition) -> tuple[list[str], list[Any]]:
    where, arguments = ["true"], list[Any]()
    for expression, value in (
        ("operation = ", condition.operation),
        ("template = ", condition.template),
        ("model = ", condition.model),
        ("outcome = ", condition.outcome),
        ("subject = ", condition.subject),
        ("at > ", condition.created_after),
        ("at < ", condition.created_before),
    ):
        if value is not None:
            arguments.append(value)
            where.append(f"{expression}${len(arguments)}")
    return where, arguments
