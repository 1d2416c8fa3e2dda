"""Copy a field to its other name, page by page, while the table is read and written.

It is right only while every process that writes writes both fields: a row that is changed meanwhile is then either the
same in both when its turn comes, or was changed after it, in both.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from aiops_common.postgres import Pool


class Field(StrEnum):
    """The two names."""

    OLD = "msg"
    NEW = "message"

    @property
    def other(self) -> "Field":
        """The other name."""
        return Field.NEW if self is Field.OLD else Field.OLD


@dataclass(frozen=True, slots=True)
class Progress:
    """Rows up to the id ``after`` are done; ``changed`` of the last page were not the same in both fields."""

    after: int
    changed: int


async def backfill(
    pool: Pool,
    target: Field,
    *,
    after: int = -1,
    rows: int = 1_000,
    share: float = 0.25,
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncGenerator[Progress]:
    """Set ``target`` to the other field where they differ, ``rows`` rows in a transaction; yields after each.

    It works for ``share`` of the time and pauses for the rest, so that it slows down when the database does. It can be
    ended at any moment and begun again, with ``after`` of the last progress or without: what is done is only read.

    Raises:
        DatabaseUnavailable: the pages before the last progress are done.
    """
    while True:
        began = time.monotonic()
        async with pool.transaction() as connection:
            page = await connection.fetchrow(_page(target), after, rows)
        if page["last"] is None:
            return
        after = page["last"]
        yield Progress(after, page["changed"])
        await pause((time.monotonic() - began) * (1 / share - 1))


async def differing(pool: Pool) -> int:
    """How many rows are not the same in both fields; none may be left before reads are switched."""
    async with pool.connection() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM lines WHERE msg IS DISTINCT FROM message")
    return count


def _page(target: Field) -> str:
    # The condition is asked again of a row that a writer holds, once that has committed.
    return f"""
    WITH page AS (SELECT id FROM lines WHERE id > $1 ORDER BY id LIMIT $2),
    changed AS (
        UPDATE lines SET {target} = {target.other}
        WHERE id IN (SELECT id FROM page) AND {target} IS DISTINCT FROM {target.other} RETURNING id
    )
    SELECT (SELECT max(id) FROM page) AS last, (SELECT count(*) FROM changed) AS changed
    """
