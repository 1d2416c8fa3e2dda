"""PostgreSQL has no room left: what was accepted waits and spends nothing, what cannot be accepted is refused.

The broker's own disk is in test_broker_alarms.py.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, code_of
from support.handing_in import attempts, database, hand_in
from support.ledger import Ledger
from support.stack import RunningStack
from support.whole import pids


@asynccontextmanager
async def full(stack: RunningStack, owner: str, table: str) -> AsyncIterator[None]:
    """Each INSERT into the table fails as PostgreSQL lets it fail on a full disk, until this ends."""
    async with database(stack) as connection:
        await connection.execute(
            f"""
            CREATE SEQUENCE {owner}.tried;
            GRANT USAGE ON SEQUENCE {owner}.tried TO {owner};
            CREATE OR REPLACE FUNCTION {owner}.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM nextval('{owner}.tried');
                RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
            END $$;
            CREATE OR REPLACE TRIGGER no_room BEFORE INSERT ON {owner}.{table} EXECUTE FUNCTION {owner}.no_room();
            """
        )
        try:
            yield
        finally:
            await connection.execute(f"DROP FUNCTION {owner}.no_room() CASCADE; DROP SEQUENCE {owner}.tried")


async def test_a_worker_waits_for_room_and_spends_nothing(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    before = pids(stack)

    async def has_tried() -> bool:
        async with database(stack) as connection:  # a sequence goes on counting where all else is rolled back
            return bool(await connection.fetchval("SELECT is_called FROM triage.tried"))

    async with full(stack, "triage", "tickets"):
        accepted = await hand_in(admin, "No room at the worker", 40)
        await eventually(has_tried)
    balance = (await ledger.balance(accepted)).check()
    assert balance.counts == {"completed": 40}
    assert balance.letters == ()
    assert set((await attempts(stack, accepted)).values()) == {1}
    assert pids(stack) == before


async def test_the_gateway_says_that_it_cannot_and_goes_on_reading(
    stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    (known,) = await hand_in(admin, "While there was room", 1)
    async with full(stack, "gateway", "tickets"):
        refused = await code_of(admin, documents.TRIAGE_TICKET, input={"title": "No room", "body": "b"})
        assert refused == "UNAVAILABLE"
        shown = (await admin.execute(documents.GET_TICKET, id=known["id"]))["ticket"]
        assert shown["title"] == known["title"]
    after = await hand_in(admin, "With room again", 5)
    assert (await ledger.balance([known, *after])).check().counts == {"completed": 6}
