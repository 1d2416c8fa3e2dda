"""Accepting work: each key once, many in one transaction, and a bad one never in its neighbours' way."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from aiops_common.messaging.message import Outgoing
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts.triage import TicketSnapshot, TriageTicket
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.repository.read_model import TICKETS
from aiops_gateway.service.acceptance import Acceptance, Identity, KeyReused, Work
from aiops_gateway.service.submissions import Submissions
from integration.gateway.conftest import ticket
from support.content_keys import keyring

SOMEBODY = Viewer(uuid4(), Role.OPS)
COMMAND = TriageTicket(title="Printer", body="on fire")


def acceptance(pool: Pool, handed_over: list[Outgoing] | None = None) -> Acceptance:
    """Accepts into the database; what it hands to the relay goes into ``handed_over``."""
    taken: list[Outgoing] = [] if handed_over is None else handed_over
    return Acceptance(pool, taken.extend)


async def count(pool: Pool, table: str) -> int:
    async with pool.connection() as connection:
        total: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
        return total


async def test_a_hundred_equal_submissions_at_once_are_one_ticket(pool: Pool) -> None:
    handed_over: list[Outgoing] = []
    submissions = Submissions(acceptance(pool, handed_over), keyring())
    answers = await asyncio.gather(*(submissions.triage_ticket(SOMEBODY, COMMAND, "key") for _ in range(100)))
    assert answers == [answers[0]] * 100
    assert [message.id for message in handed_over] == [answers[0].id]
    assert [await count(pool, table) for table in ("tickets", "outbox", "idempotency_keys")] == [1, 1, 1]


async def test_gateways_beside_each_other_accept_a_key_once(pool: Pool) -> None:
    gateways = [Submissions(acceptance(pool), keyring()) for _ in range(5)]
    answers = await asyncio.gather(
        *(gateway.triage_ticket(SOMEBODY, COMMAND, "key") for gateway in gateways for _ in range(10))
    )
    assert answers == [answers[0]] * 50
    assert [await count(pool, table) for table in ("tickets", "outbox")] == [1, 1]


async def test_a_key_belongs_to_somebody_and_to_an_operation(pool: Pool) -> None:
    submissions = Submissions(acceptance(pool), keyring())
    other = Viewer(uuid4(), Role.OPS)
    ids = {(await submissions.triage_ticket(viewer, COMMAND, "key")).id for viewer in (SOMEBODY, other)}
    assert len(ids) == 2
    assert Identity.of(SOMEBODY, "summarizeLog", "key", COMMAND).message_id not in ids


@pytest.mark.parametrize("together", [True, False])
async def test_a_key_stands_for_one_input(pool: Pool, together: bool) -> None:
    submissions = Submissions(acceptance(pool), keyring())
    changed = COMMAND.model_copy(update={"body": "not on fire"})
    calls = [submissions.triage_ticket(SOMEBODY, command, "key") for command in (COMMAND, changed)]
    if together:
        first, second = await asyncio.gather(*calls, return_exceptions=True)
    else:
        first, second = [(await asyncio.gather(call, return_exceptions=True))[0] for call in calls]
    assert isinstance(first, TicketSnapshot)
    assert isinstance(second, KeyReused)
    assert [await count(pool, table) for table in ("tickets", "outbox")] == [1, 1]


async def test_without_a_key_each_submission_is_its_own(pool: Pool) -> None:
    submissions = Submissions(acceptance(pool), keyring())
    answers = await asyncio.gather(*(submissions.triage_ticket(SOMEBODY, COMMAND, None) for _ in range(50)))
    assert len({answer.id for answer in answers}) == 50
    assert [await count(pool, table) for table in ("tickets", "outbox", "idempotency_keys")] == [50, 50, 0]


def work(title: str) -> Work[TicketSnapshot]:
    pending = ticket(title)
    message = Outgoing(pending.id, "aiops.commands", TriageTicket.message_type, b"{}")
    return Work(Identity(pending.id, None), TICKETS, pending, message)


async def test_what_postgresql_refuses_fails_alone(pool: Pool) -> None:
    accepting = acceptance(pool)
    # The contracts refuse NUL at the edge; here it stands for whatever gets past them.
    titles = ["good", "also good", "with \x00 in it", "good too"]
    outcomes = await asyncio.gather(*(accepting.accept(work(title)) for title in titles), return_exceptions=True)
    assert [isinstance(outcome, TicketSnapshot) for outcome in outcomes] == [True, True, False, True]
    assert isinstance(outcomes[2], asyncpg.PostgresError)
    assert [await count(pool, table) for table in ("tickets", "outbox")] == [3, 3]


async def test_without_a_database_nothing_is_accepted() -> None:
    nowhere = Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.5)
    submissions = Submissions(acceptance(nowhere), keyring())
    with pytest.raises(DatabaseUnavailable):
        await submissions.triage_ticket(SOMEBODY, COMMAND, "key")


async def test_an_event_may_be_faster_than_the_pending_row(pool: Pool) -> None:
    submissions = Submissions(acceptance(pool), keyring())
    pending = await submissions.triage_ticket(SOMEBODY, COMMAND, "key")
    async with pool.connection() as connection:
        await connection.execute("TRUNCATE idempotency_keys")
        await connection.execute("UPDATE tickets SET version = 3, document = document || '{\"version\": 3}'")
    assert (await submissions.triage_ticket(SOMEBODY, COMMAND, "key")).id == pending.id
    async with pool.connection() as connection:
        assert await connection.fetchval("SELECT version FROM tickets") == 3
