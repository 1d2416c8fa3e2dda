"""What stands in triage's own tables, the truth about tickets; and a database that refuses some of them."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from support.eventually import eventually
from support.stack import RunningStack


@dataclass(frozen=True, slots=True)
class Ticket:
    """A row of triage, and the versions that its events told of, one entry for each event."""

    state: str
    version: int
    title: str
    source: str
    trace_id: str | None
    told: tuple[int, ...]


@asynccontextmanager
async def database(stack: RunningStack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection as superuser."""
    connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
    try:
        yield connection
    finally:
        await connection.close()


async def tickets(stack: RunningStack, ids: Iterable[UUID]) -> dict[UUID, Ticket]:
    """Those of the tickets that exist."""
    async with database(stack) as connection:
        rows = await connection.fetch(
            """
            SELECT t.*, array(
                SELECT (convert_from(o.body, 'UTF8')::jsonb #>> '{data,ticket,version}')::int FROM triage.outbox AS o
                WHERE convert_from(o.body, 'UTF8')::jsonb #>> '{data,ticket,id}' = t.id::text ORDER BY o.seq
            ) AS told
            FROM triage.tickets AS t WHERE t.id = ANY($1::uuid[])
            """,
            list(ids),
        )
    return {
        row["id"]: Ticket(
            row["state"], row["version"], row["title"], row["source"], row["trace_id"], tuple(row["told"])
        )
        for row in rows
    }


async def count(stack: RunningStack) -> int:
    """How many tickets triage has."""
    async with database(stack) as connection:
        return int(await connection.fetchval("SELECT count(*) FROM triage.tickets"))


async def all_done(stack: RunningStack, ids: Iterable[UUID], *, seconds: float = 30.0) -> dict[UUID, Ticket]:
    """The tickets, as soon as none of them is missing or unfinished."""
    wanted = set(ids)

    async def look() -> dict[UUID, Ticket]:
        found = await tickets(stack, wanted)
        done = found.keys() == wanted and all(one.state == "SUCCEEDED" for one in found.values())
        return found if done else {}

    return await eventually(look, seconds=seconds)


@asynccontextmanager
async def refusing(stack: RunningStack, title: str) -> AsyncIterator[None]:
    """Meanwhile PostgreSQL refuses to store that a ticket of this title was triaged; that it failed is stored."""
    async with database(stack) as connection:
        await connection.execute(
            f"""
            CREATE FUNCTION triage.refuse() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON triage.tickets FOR EACH ROW
                WHEN (NEW.title = '{title}' AND NEW.state = 'SUCCEEDED') EXECUTE FUNCTION triage.refuse()
            """
        )
        try:
            yield
        finally:
            await connection.execute("DROP TRIGGER refuse ON triage.tickets; DROP FUNCTION triage.refuse()")


async def end_leases(stack: RunningStack) -> None:
    """Let the leases run out that a killed process left behind, as they do by themselves after a few minutes."""
    async with database(stack) as connection:
        await connection.execute("UPDATE triage.leases SET expires_at = now() - interval '1 second'")
