"""What language models were asked, as the services told it. Rows are added and, when they are old, deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from aiops_common.postgres import Connection
from aiops_contracts.base import LlmRun
from aiops_gateway.repository.journal import Journal, Terms

_TYPES: Final = {
    "id": "uuid", "at": "timestamptz", "operation": "text", "step": "text", "template": "text", "model": "text",
    "outcome": "text", "input": "text", "output": "text", "input_tokens": "int", "output_tokens": "int",
    "duration_ms": "int", "subject_kind": "text", "subject": "uuid", "trace_id": "text",
}  # fmt: skip
_COLUMNS: Final = ", ".join(_TYPES)
_ROWS: Final = ", ".join(f"${number}::{name}[]" for number, name in enumerate(_TYPES.values(), start=1))
_LISTED: Final = ", ".join(name for name in _TYPES if name not in ("input", "output"))

_WRITTEN_AT_ONCE: Final = 100


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

    def terms(self) -> Terms:
        """The same for the journal."""
        for name in ("operation", "template", "model", "outcome", "subject"):
            yield f"{name} =", getattr(self, name)
        yield from (("at >", self.created_after), ("at <", self.created_before))


JOURNAL: Final = Journal("llm_runs", _LISTED, lambda row: Listed(**row))


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


def _value(told: Told, column: str) -> Any:
    return told.subject_kind if column == "subject_kind" else getattr(told.run, column)
