"""Similar tickets, found in PostgreSQL: by every process, at once, also after a restart."""

import asyncio
from datetime import UTC, datetime

from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import Connection, Pool
from aiops_triage.domain import Ticket
from aiops_triage.repository import TicketRepository, delete_old_terms, shortlists, terms_of
from aiops_triage.service import TriageService
from integration.triage.conftest import service, stored, submitted

PRINTER = ("Printer on floor three does not print", "it blinks twice and stops since this morning")
ALIKE = ("The printer on floor three does not print", "it blinks twice, and stops, since this morning")
OTHER = ("Salary statement is missing", "the portal shows last month only")


async def test_a_ticket_knows_the_earlier_ones_that_say_the_same(triage: TriageService, pool: Pool) -> None:
    first, other, alike, same = submitted(*PRINTER), submitted(*OTHER), submitted(*ALIKE), submitted(*PRINTER)
    for delivery in (first, other, alike):
        await triage.triage(delivery)
    await service(pool).triage(same)
    found = (await stored(pool, same.id)).triage
    assert found is not None
    assert [one.ticket_id for one in found.similar] == [first.id, alike.id]
    assert found.similar[0].score == 1.0
    assert 0.75 <= found.similar[1].score < 1.0
    assert found.similar[1].title == ALIKE[0]
    for alone in (first, other):
        triaged = (await stored(pool, alone.id)).triage
        assert triaged is not None
        assert triaged.similar == ()


async def test_a_ticket_that_is_triaged_late_is_not_told_what_came_after_it(triage: TriageService, pool: Pool) -> None:
    first, late, after = submitted(*PRINTER), submitted(*PRINTER), submitted(*PRINTER)
    for delivery in (first, after, late):
        await triage.triage(delivery)
    for delivery, earlier in ((first, []), (late, [first.id]), (after, [first.id])):
        triaged = (await stored(pool, delivery.id)).triage
        assert triaged is not None
        assert [one.ticket_id for one in triaged.similar] == earlier


async def test_in_an_avalanche_the_newest_are_found_and_no_more_than_three(triage: TriageService, pool: Pool) -> None:
    for _ in range(3):
        await asyncio.gather(*(triage.triage(submitted(*PRINTER)) for _ in range(40)))
    newest = [submitted(*PRINTER) for _ in range(3)]
    for delivery in newest:
        await triage.triage(delivery)
    last = submitted(*PRINTER)
    await triage.triage(last)
    found = (await stored(pool, last.id)).triage
    assert found is not None
    assert {one.ticket_id for one in found.similar} == {one.id for one in newest}


async def test_tickets_without_words_have_none_and_do_no_harm(triage: TriageService, pool: Pool) -> None:
    for title in ("🔥🔥🔥", "?!", "a b c"):
        for _ in range(2):
            delivery = submitted(title)
            await triage.triage(delivery)
        triaged = (await stored(pool, delivery.id)).triage
        assert triaged is not None
        assert triaged.similar == ()


async def test_what_is_too_old_is_forgotten_in_steps(triage: TriageService, pool: Pool) -> None:
    old, new = submitted(*PRINTER), submitted(*ALIKE)
    await triage.triage(old)
    async with pool.connection() as connection:
        await connection.execute("UPDATE ticket_terms SET at = at - interval '11 days'")
    await triage.triage(submitted(*OTHER))
    async with pool.connection() as connection:
        assert await delete_old_terms(connection, older_than_days=10, limit=3) == 3
        while await delete_old_terms(connection, older_than_days=10, limit=3):
            pass
        left = await connection.fetchval("SELECT count(DISTINCT ticket_id) FROM ticket_terms")
    assert left == 1
    await triage.triage(new)
    triaged = (await stored(pool, new.id)).triage
    assert triaged is not None
    assert triaged.similar == ()


def ticket(title: str, body: str) -> Ticket:
    """A ticket that was made now."""
    now = datetime.now(UTC)
    return Ticket(
        id=new_message_id(),
        version=1,
        title=title,
        body=body,
        reporter_email=None,
        source="test",
        trace_id=None,
        created_at=now,
        updated_at=now,
    )


async def rows_read(connection: Connection) -> int:
    """Rows and index entries of the terms that this transaction has read."""
    told = await connection.fetchrow("""
        SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) + (
            SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(indexrelid)), 0)
            FROM pg_index WHERE indrelid = 'ticket_terms'::regclass
        ) AS read FROM pg_stat_xact_user_tables WHERE relid = 'ticket_terms'::regclass
    """)
    assert told is not None
    return int(told["read"])


async def test_a_word_that_all_tickets_have_is_not_read_of_all_of_them(pool: Pool) -> None:
    # "Reproduction" is in every ticket, each other word in a dozen: the average tells nothing of it.
    tickets = [ticket(f"Reproduction x{n // 12}x", f"y{n // 12}y z{n // 12}z") for n in range(3000)]
    async with pool.transaction() as connection:
        await TicketRepository().save(connection, tickets)
    async with pool.transaction() as connection:
        await connection.execute("ANALYZE ticket_terms")
        await connection.execute("ANALYZE tickets")
        before, rounds = await rows_read(connection), 10
        for _ in range(rounds):  # the first five are planned for their own parameters
            asked = ticket("Reproduction of it", "nothing else")
            (found,) = await shortlists(connection, [(asked, terms_of(asked.title, asked.body))], limit=20)
            assert len(found) == 16
        assert (await rows_read(connection) - before) / rounds <= 13 * 2 * 16
