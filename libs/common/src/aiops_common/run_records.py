"""The record of what a language model was asked: written with the effect that it was asked for, deleted when old."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final

from aiops_common.messaging.effects import Also, Statement
from aiops_common.postgres import Connection
from aiops_common.retention import delete_older
from aiops_contracts.base import Event, LlmRun

_INSERT: Final = """
    INSERT INTO llm_runs (id, operation, step, template, model, outcome, input, output, input_tokens, output_tokens,
        duration_ms, subject, trace_id, at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
        $8::text[], $9::int[], $10::int[], $11::int[], $12::uuid[], $13::text[], $14::timestamptz[])
"""
_COLUMNS: Final = tuple(
    map(
        attrgetter,
        (
            *("id", "operation", "step", "template", "model", "outcome", "input", "output"),
            *("input_tokens", "output_tokens", "duration_ms", "subject", "trace_id", "at"),
        ),
    )
)


def recorded(runs: Sequence[LlmRun], event: Callable[..., Event]) -> Also:
    """What is written beside an effect for which a model was asked: the runs, and ``event(runs=…)`` that tells of them.

    Nothing where no model was asked.
    """
    if not runs:
        return Also()
    columns = [[column(run) for run in runs] for column in _COLUMNS]
    return Also(events=(event(runs=tuple(runs)),), statements=(Statement(_INSERT, columns),))


async def delete_old_runs(connection: Connection, *, older_than_days: int) -> int:
    """Delete up to 100 runs, oldest first; returns how many."""
    return await delete_older(connection, "llm_runs", days=older_than_days, limit=100)
