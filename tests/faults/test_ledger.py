"""The ledger finds what it is there to find."""

from dataclasses import replace
from uuid import uuid4

import pytest

from e2e import documents
from support.graphql import GraphqlClient
from support.handing_in import database, hand_in, ids_of
from support.ledger import Accepted, Ledger
from support.stack import RunningStack


async def test_what_is_nowhere_is_lost(ledger: Ledger) -> None:
    lost = Accepted("Ticket", uuid4())
    balance = await replace(ledger, missing_seconds=8).balance([lost], seconds=1)
    assert balance.counts == {"lost": 1}
    with pytest.raises(AssertionError, match=f"{lost.id}: lost"):
        balance.check()


async def test_what_is_on_its_way_is_pending(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    await stack.kill("triage")
    accepted = await hand_in(admin, "Pending", 3)
    assert (await ledger.balance(accepted, seconds=0)).check().counts == {"pending": 3}
    await stack.serve("triage")
    assert (await ledger.balance(accepted)).check().counts == {"completed": 3}


async def test_every_kind_of_work_counts(admin: GraphqlClient, ledger: Ledger) -> None:
    commits = [{"message": "feat: paging"}]
    accepted = [
        await documents.submit(admin, documents.SUMMARIZE_LOG, source="shop", content="ERROR disk full"),
        await documents.submit(admin, documents.TRIAGE_TICKET, title="Printer", body="is broken"),
        await documents.submit(admin, documents.GENERATE_CHANGELOG, project="shop", commits=commits),
    ]
    assert (await ledger.balance(accepted)).check().counts == {"completed": 3}


async def test_a_second_event_is_a_second_effect(stack: RunningStack, admin: GraphqlClient, ledger: Ledger) -> None:
    accepted = await hand_in(admin, "Told twice", 2)
    (await ledger.balance(accepted)).check()
    twice, _ = ids_of(accepted)
    async with database(stack) as connection:
        await connection.execute(
            """
            INSERT INTO triage.outbox (id, exchange, routing_key, body, sent_at)
            SELECT gen_random_uuid(), exchange, routing_key, body, now() FROM triage.outbox
            WHERE convert_from(body, 'UTF8')::jsonb ->> 'subject' = $1
            """,
            str(twice),
        )
    balance = await ledger.balance(accepted)
    assert balance.wrong.keys() == {twice}
    with pytest.raises(AssertionError, match=str(twice)):
        balance.check()
