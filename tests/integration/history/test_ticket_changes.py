"""The history of tickets against PostgreSQL: a row for each version, which add up to the ticket, for ever."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.base import ChangePage, JobFailure
from aiops_contracts.triage import ListTicketChanges, TicketSnapshot, TicketStatus, TriageTicket, UpdateTicketStatus
from aiops_triage.repository import TicketRepository
from aiops_triage.service import TriageService

ACTOR = "user:6ab5f2a4-7b0c-4a53-9c1e-2f4b7d1f0c11"


@pytest.fixture(scope="session")
def triage(pools: dict[str, Pool]) -> TriageService:
    return TriageService(pools["triage"], TicketRepository(), print, None, Leases(pools["triage"], seconds=None))


def submitted(ticket_id: UUID | None = None) -> Delivery[TriageTicket]:
    message = TriageTicket(title="Mail is down", body="for everybody since noon", reporter_email="ann@example.com")
    return Delivery(ticket_id or new_message_id(), message, "partner:acme", attempt=1, time=datetime.now(UTC))


def move(ticket_id: UUID, status: TicketStatus, version: int) -> Delivery[UpdateTicketStatus]:
    request = UpdateTicketStatus(
        ticket_id=ticket_id, status=status, expected_version=version, changed_by=UUID(ACTOR.removeprefix("user:"))
    )
    return Delivery(new_message_id(), request, ACTOR, attempt=1, time=datetime.now(UTC))


async def changes(service: TriageService, ticket_id: UUID, after: int = 0, limit: int = 1000) -> ChangePage:
    request = ListTicketChanges(ticket_id=ticket_id, after=after, limit=limit)
    return await service.changes(Delivery(new_message_id(), request, ACTOR, attempt=1, time=datetime.now(UTC)))


def rebuilt(page: ChangePage, ticket_id: UUID) -> dict[str, Any]:
    state: dict[str, Any] = dict.fromkeys(TicketSnapshot.model_fields)
    for change in page.changes:
        for name, (before, after) in change.delta.items():
            assert state[name] == before
            state[name] = after
    return {**state, "id": str(ticket_id), "version": page.changes[-1].version}


async def current(pools: dict[str, Pool], ticket_id: UUID) -> dict[str, Any]:
    async with pools["triage"].transaction() as connection:
        ticket = await TicketRepository().get_for_update(connection, ticket_id)
    return TicketSnapshot.model_validate(ticket).model_dump(mode="json")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fails_first=st.booleans(), moves=st.lists(st.sampled_from(TicketStatus), max_size=8))
async def test_all_deltas_add_up_to_the_current_row(
    triage: TriageService, pools: dict[str, Pool], fails_first: bool, moves: list[TicketStatus]
) -> None:
    delivery = submitted()
    if fails_first:
        await triage.give_up(delivery, JobFailure(code="attempts_spent", message="it broke", attempts=5))
    else:
        await triage.triage(delivery)
    version = 1
    for status in moves:
        reply = await triage.update_status(move(delivery.id, status, version))
        version += reply.outcome == "UPDATED"
    if fails_first:
        await triage.triage(delivery)
        version += 1
    page = await changes(triage, delivery.id)
    assert [change.version for change in page.changes] == list(range(1, version + 1))
    assert rebuilt(page, delivery.id) == await current(pools, delivery.id)


async def test_a_change_tells_what_who_and_when(triage: TriageService) -> None:
    delivery = submitted()
    await triage.triage(delivery)
    await triage.update_status(move(delivery.id, TicketStatus.RESOLVED, 1))
    first, second = (await changes(triage, delivery.id)).changes
    assert (first.kind, first.changed_by) == ("ticket.triaged", None)
    assert first.delta["reporter_email"] == (None, "ann@example.com")
    assert (second.kind, second.changed_by) == ("ticket.status_changed", ACTOR)
    assert set(second.delta) == {"status", "updated_at"}
    assert second.delta["status"] == ("OPEN", "RESOLVED")
    assert first.changed_at <= second.changed_at


async def test_a_ticket_that_is_triaged_at_last_stays_where_people_moved_it(
    triage: TriageService, pools: dict[str, Pool]
) -> None:
    delivery = submitted()
    await triage.give_up(delivery, JobFailure(code="attempts_spent", message="it broke", attempts=5))
    await triage.update_status(move(delivery.id, TicketStatus.IN_PROGRESS, 1))
    await triage.triage(delivery)
    state = await current(pools, delivery.id)
    assert (state["status"], state["state"], state["failure"]) == ("IN_PROGRESS", "SUCCEEDED", None)
    kinds = [change.kind for change in (await changes(triage, delivery.id)).changes]
    assert kinds == ["ticket.triage_failed", "ticket.status_changed", "ticket.triaged"]


async def test_a_hundred_moves_at_once_make_one_version(triage: TriageService) -> None:
    delivery = submitted()
    await triage.triage(delivery)
    one = move(delivery.id, TicketStatus.CLOSED, 1)
    replies = await asyncio.gather(*(triage.update_status(replace(one)) for _ in range(100)))
    assert {reply.outcome for reply in replies} == {"UPDATED"}
    assert [change.version for change in (await changes(triage, delivery.id)).changes] == [1, 2]


async def test_history_comes_in_pages(triage: TriageService) -> None:
    delivery = submitted()
    await triage.triage(delivery)
    for version in range(1, 6):
        status = TicketStatus.CLOSED if version % 2 else TicketStatus.OPEN
        await triage.update_status(move(delivery.id, status, version))
    first = await changes(triage, delivery.id, limit=4)
    assert ([change.version for change in first.changes], first.next_after) == ([1, 2, 3, 4], 4)
    last = await changes(triage, delivery.id, after=4, limit=4)
    assert ([change.version for change in last.changes], last.next_after) == ([5, 6], None)


async def test_nobody_has_a_history_that_does_not_exist(triage: TriageService) -> None:
    assert await changes(triage, new_message_id()) == ChangePage(changes=())


@pytest.mark.parametrize(
    ("service", "table"),
    [
        ("triage", "ticket_changes"),
        ("summarizer", "log_changes"),
        ("changelog", "changelog_changes"),
        ("auth", "security_events"),
    ],
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_services_role_may_add_and_nothing_else(
    pools: dict[str, Pool], service: str, table: str, statement: str
) -> None:
    column = "action" if service == "auth" else "kind"
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match=table):
        async with pools[service].transaction() as connection:
            await connection.execute(statement.format(table, column, column))
