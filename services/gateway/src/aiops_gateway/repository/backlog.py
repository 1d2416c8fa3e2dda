"""What of the read model is pending: how much, and since when."""

from collections.abc import Iterable
from typing import Any

from aiops_common.postgres import Connection
from aiops_gateway.repository.read_model import Kind

MOST_COUNTED = 10_000
"""Rows that are looked at: how many there are beyond that changes nothing for who is told."""


async def pending(
    connection: Connection, kinds: Iterable[Kind[Any]], *, most: int = MOST_COUNTED
) -> dict[str, tuple[int, float]]:
    """By the name of each kind: how many rows are PENDING, ``most`` at most, and the age of the oldest in seconds."""
    found = " UNION ALL ".join(
        f"""
        SELECT '{kind.name}' AS kind, count(*) AS count, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS age
        FROM (SELECT created_at FROM {kind.table} WHERE state = 'PENDING' ORDER BY created_at LIMIT {int(most)}) AS e
        """
        for kind in kinds
    )
    rows = await connection.fetch(found)
    return {row["kind"]: (row["count"], max(0.0, float(row["age"]))) for row in rows}
