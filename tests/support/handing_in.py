"""Handing in many tickets to a stack that is being broken, and asking how far they have come."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.ledger import Accepted
from support.stack import RunningStack

AT_ONCE = 20


async def hand_in(client: GraphqlClient, prefix: str, count: int, *, body: str = "b") -> list[Json]:
    """Tickets as they were accepted, titled ``<prefix> <number>``; a refusal fails the test."""
    free = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> Json:
        async with free:
            return await documents.submit(client, documents.TRIAGE_TICKET, title=f"{prefix} {number}", body=body)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


def ids_of(accepted: Iterable[Json]) -> list[UUID]:
    """The message ids of what was accepted, which are the entities' ids too."""
    return [Accepted.of(one).id for one in accepted]


@asynccontextmanager
async def database(stack: RunningStack) -> AsyncIterator[asyncpg.Connection]:
    """A connection as superuser."""
    connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
    try:
        yield connection
    finally:
        connection.terminate()  # close() would wait for a server that a test has killed


async def count_rows(stack: RunningStack, table: str, where: str, *values: object) -> int:
    """How many rows of ``schema.table`` there are ``where`` …."""
    async with database(stack) as connection:
        count: int = await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {where}", *values)
        return count


async def unsent(stack: RunningStack, owner: str) -> int:
    """How many messages stand in the outbox of a service and have not been confirmed."""
    return await count_rows(stack, f"{owner}.outbox", "sent_at IS NULL")


async def attempts(stack: RunningStack, accepted: Iterable[Json]) -> dict[UUID, int]:
    """For each message, the highest number of an attempt that triage traced; every message must have been traced."""
    wanted = {str(identity): identity for identity in ids_of(accepted)}

    async def traced() -> dict[UUID, int]:
        highest: dict[UUID, int] = {}
        for span in stack.spans():
            told = span.get("attributes", {})
            identity = wanted.get(told.get("messaging.message.id"))
            if identity is not None and "aiops.attempt" in told:
                highest[identity] = max(highest.get(identity, 0), told["aiops.attempt"])
        return highest if len(highest) == len(wanted) else {}

    return await eventually(traced)
