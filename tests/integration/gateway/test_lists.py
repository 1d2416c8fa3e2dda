"""Lists: pages that stay put, and every condition of the filters."""

from typing import Any
from uuid import UUID

import pytest

from aiops_common.postgres import Pool
from aiops_contracts.base import JobState, Severity, Snapshot
from aiops_contracts.triage import Priority, TicketCategory, TicketSnapshot, TicketStatus
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Filter, Kind, Page
from integration.gateway.conftest import changelog, log, minute, ticket, triage

EVERYTHING = Filter()


async def put(pool: Pool, kind: Kind[Any], *snapshots: Snapshot) -> None:
    async with pool.transaction() as connection:
        await read_model.project(connection, kind, snapshots)


async def page(pool: Pool, **arguments: Any) -> Page[TicketSnapshot]:
    request = PageRequest.of(**{"first": None, "after": None, "last": None, "before": None, **arguments})
    async with pool.connection() as connection:
        return await read_model.page(connection, TICKETS, request, EVERYTHING)


def cursor(snapshot: Snapshot) -> str:
    return read_model.position(snapshot).cursor()


async def found(pool: Pool, kind: Kind[Any], condition: Filter) -> set[UUID]:
    async with pool.connection() as connection:
        listed = await read_model.page(connection, kind, PageRequest.of(100, None, None, None), condition)
        assert await read_model.count(connection, kind, condition) == len(listed.rows)
    return {row.id for row in listed.rows}


async def some_tickets(pool: Pool) -> list[TicketSnapshot]:
    """Ten tickets in list order; five pairs share their instant, where the id decides."""
    made = [ticket(f"number {number}", created=number // 2) for number in range(10)]
    await put(pool, TICKETS, *made)
    return sorted(made, key=lambda one: (one.created_at, one.id), reverse=True)


@pytest.mark.parametrize("size", [1, 3, 10, 100])
async def test_pages_forward_cover_the_list_while_rows_are_inserted_in_front(pool: Pool, size: int) -> None:
    listed = await some_tickets(pool)
    seen: list[UUID] = []
    after = None
    while True:
        current = await page(pool, first=size, after=after)
        seen += [row.id for row in current.rows]
        assert current.has_previous == (after is not None)
        await put(pool, TICKETS, ticket("newer", created=100 + len(seen)))
        if not current.has_next:
            break
        after = cursor(current.rows[-1])
    assert seen == [row.id for row in listed]


@pytest.mark.parametrize("size", [1, 3, 10, 100])
async def test_pages_backward_cover_the_list_in_the_same_order(pool: Pool, size: int) -> None:
    listed = await some_tickets(pool)
    seen: list[UUID] = []
    before = None
    while True:
        current = await page(pool, last=size, before=before)
        seen = [row.id for row in current.rows] + seen
        assert current.has_next == (before is not None)
        if not current.has_previous:
            break
        before = cursor(current.rows[0])
    assert seen == [row.id for row in listed]


async def test_a_page_between_two_cursors(pool: Pool) -> None:
    listed = await some_tickets(pool)
    current = await page(pool, first=100, after=cursor(listed[1]), before=cursor(listed[5]))
    assert [row.id for row in current.rows] == [row.id for row in listed[2:5]]
    current = await page(pool, last=2, after=cursor(listed[1]), before=cursor(listed[5]))
    assert ([row.id for row in current.rows], current.has_previous) == ([row.id for row in listed[3:5]], True)


async def test_an_empty_list_has_no_pages(pool: Pool) -> None:
    current = await page(pool, first=5)
    assert (current.rows, current.has_next, current.has_previous) == ([], False, False)


@pytest.mark.parametrize(
    "condition",
    [
        {"status": TicketStatus.CLOSED},
        {"state": JobState.SUCCEEDED},
        {"category": TicketCategory.HR},
        {"severity": Severity.CRITICAL},
        {"priority": Priority.P1},
        {"needs_review": True},
    ],
)
async def test_tickets_by_each_condition(pool: Pool, condition: dict[str, object]) -> None:
    decided = triage(TicketCategory.HR, Severity.CRITICAL, Priority.P1, needs_review=True)
    wanted = ticket("wanted", status=TicketStatus.CLOSED, state=JobState.SUCCEEDED, triage=decided)
    other = ticket("other", status=TicketStatus.OPEN, state=JobState.FAILED, triage=triage())
    await put(pool, TICKETS, wanted, other, ticket("pending"))
    assert await found(pool, TICKETS, Filter(equal=condition)) == {wanted.id}


async def test_conditions_hold_together_and_false_is_a_condition(pool: Pool) -> None:
    one, two = ticket(triage=triage(severity=Severity.HIGH)), ticket(triage=triage(needs_review=True))
    await put(pool, TICKETS, one, two, ticket())
    assert await found(pool, TICKETS, Filter(equal={"needs_review": False})) == {one.id}
    assert await found(pool, TICKETS, Filter(equal={"needs_review": True, "severity": Severity.HIGH})) == set()
    assert len(await found(pool, TICKETS, Filter(equal={"needs_review": None}))) == 3


async def test_logs_by_each_condition(pool: Pool) -> None:
    wanted = log(created=5, source="database", state=JobState.SUCCEEDED, severity=Severity.HIGH)
    await put(pool, LOG_ENTRIES, wanted, log(created=1), log(created=9, severity=Severity.LOW))
    for condition in (
        Filter(equal={"source": "database"}),
        Filter(equal={"state": JobState.SUCCEEDED}),
        Filter(equal={"severity": Severity.HIGH}),
        Filter(created_after=minute(1), created_before=minute(9)),
    ):
        assert await found(pool, LOG_ENTRIES, condition) == {wanted.id}
    assert len(await found(pool, LOG_ENTRIES, Filter(created_after=minute(1)))) == 2
    assert len(await found(pool, LOG_ENTRIES, Filter(created_before=minute(1)))) == 0


async def test_changelogs_by_each_condition(pool: Pool) -> None:
    wanted = changelog("shop", state=JobState.SUCCEEDED)
    await put(pool, CHANGELOGS, wanted, changelog("shop-2"))
    assert await found(pool, CHANGELOGS, Filter(equal={"project": "shop"})) == {wanted.id}
    assert await found(pool, CHANGELOGS, Filter(equal={"state": JobState.SUCCEEDED})) == {wanted.id}


@pytest.mark.parametrize("text", ["50% off", "a_b", "c:\\temp", "O'Brien", '"quoted"', "ÄÖ", "$1", "<EMAIL_1>"])
async def test_text_is_searched_for_as_it_is_written(pool: Pool, text: str) -> None:
    decoys = [ticket(title) for title in ("50 off", "50X off", "axb", "ab", "c:temp", "c:xtemp", "other")]
    in_title, in_body = ticket(f"before {text.lower()} after"), ticket(body=f"before {text} after")
    await put(pool, TICKETS, in_title, in_body, *decoys)
    assert await found(pool, TICKETS, Filter(text=text)) == {in_title.id, in_body.id}


@pytest.mark.parametrize("text", ["%", "_", "\\", "%%", "\\%"])
async def test_a_wildcard_finds_only_itself(pool: Pool, text: str) -> None:
    wanted = ticket(f"x{text}x")
    await put(pool, TICKETS, wanted, ticket("anything"))
    assert await found(pool, TICKETS, Filter(text=text)) == {wanted.id}


async def test_hidden_text_is_not_searched(pool: Pool) -> None:
    in_title, in_body = ticket("the secret"), ticket(body="the secret")
    await put(pool, TICKETS, in_title, in_body)
    assert await found(pool, TICKETS, Filter(text="secret", hidden=frozenset({"body"}))) == {in_title.id}


async def test_logs_are_searched_by_source_and_headline_and_not_by_content(pool: Pool) -> None:
    by_source = log(source="needle-service")
    by_headline = log(severity=Severity.LOW, headline="A needle broke")
    await put(pool, LOG_ENTRIES, by_source, by_headline, log("needle in the content"))
    assert await found(pool, LOG_ENTRIES, Filter(text="NEEDLE")) == {by_source.id, by_headline.id}


async def test_the_content_of_a_log_is_fetched_when_it_is_asked_for(pool: Pool) -> None:
    entry = log("a long text")
    await put(pool, LOG_ENTRIES, entry)
    async with pool.connection() as connection:
        listed = await read_model.page(connection, LOG_ENTRIES, PageRequest.of(1, None, None, None), EVERYTHING)
        assert [row.content for row in listed.rows] == [""]
        assert await read_model.contents(connection, [entry.id]) == {entry.id: "a long text"}
        assert b"a long text" not in await connection.fetchval("SELECT document FROM log_entries")
        assert await read_model.get(connection, LOG_ENTRIES, entry.id) == entry
