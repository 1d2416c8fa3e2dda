"""Pages of tables with ``created_at`` and ``id``, newest first and forwards only; the read model has its own."""

from typing import Any

import asyncpg

from aiops_common.postgres import Connection
from aiops_gateway.domain.paging import PageRequest


async def page(
    connection: Connection, columns: str, table: str, request: PageRequest, *, where: str = "true"
) -> tuple[list[asyncpg.Record], bool]:
    """The rows of one page for which ``where`` holds, and whether there are more."""
    arguments: list[Any] = [request.size + 1]  # one more than asked for tells whether there are more
    if request.after is not None:
        arguments += [request.after.created_at, request.after.id]
        where += " AND (created_at, id) < ($2, $3)"
    rows = await connection.fetch(
        f"SELECT {columns} FROM {table} WHERE {where} ORDER BY created_at DESC, id DESC LIMIT $1", *arguments
    )
    return rows[: request.size], len(rows) > request.size
