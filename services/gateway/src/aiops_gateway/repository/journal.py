"""Journals: tables of what happened, each row with an ``id`` and the time ``at``: read newest first, swept when old."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from aiops_common.postgres import Connection
from aiops_common.retention import delete_older
from aiops_gateway.domain.paging import PageRequest

R = TypeVar("R")

Terms: TypeAlias = Iterable[tuple[str, Any]]
"""Which rows are wanted: columns of ours with their comparisons, e.g. ``at >=``, and with what; None means any."""

_DELETED_AT_ONCE: Final = 1_000
_MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Journal(Generic[R]):
    """A table and what is shown of it: ``columns``, of which ``row`` makes a row. All names are ours, never a client's.

    The table has an index on (at, id), and one on (column, at, id) for each other column that rows are chosen by.
    """

    table: str
    columns: str
    row: Callable[[Mapping[str, Any]], R]

    async def page(self, connection: Connection, request: PageRequest, terms: Terms) -> tuple[list[R], bool]:
        """One page, newest first, and whether there are older rows."""
        where, arguments = where_of(terms)
        if request.after is not None:
            arguments += [request.after.created_at, request.after.id]
            where += f" AND (at, id) < (${len(arguments) - 1}, ${len(arguments)})"
        arguments.append(request.size + 1)
        found = await connection.fetch(
            f"SELECT {self.columns} FROM {self.table} WHERE {where} ORDER BY at DESC, id DESC LIMIT ${len(arguments)}",
            *arguments,
        )
        return [self.row(one) for one in found[: request.size]], len(found) > request.size

    async def count(self, connection: Connection, terms: Terms) -> int:
        """How many rows match, up to 10,000: of so many nobody wants to wait for the exact number."""
        where, arguments = where_of(terms)
        total: int = await connection.fetchval(
            f"SELECT count(*) FROM (SELECT FROM {self.table} WHERE {where} LIMIT {_MOST_COUNTED}) AS found", *arguments
        )
        return total

    async def delete_old(self, connection: Connection, *, older_than_days: int) -> int:
        """Delete up to 1,000 of the oldest rows that are older than that; returns how many."""
        return await delete_older(connection, self.table, days=older_than_days, limit=_DELETED_AT_ONCE)


def where_of(terms: Terms) -> tuple[str, list[Any]]:
    """The terms as SQL, with its parameters from $1 on."""
    given = [(term, value) for term, value in terms if value is not None]
    where = ["true", *(f"{term} ${number}" for number, (term, _) in enumerate(given, start=1))]
    return " AND ".join(where), [value for _, value in given]
