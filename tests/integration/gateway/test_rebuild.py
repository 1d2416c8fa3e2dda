"""The read model rebuilt from its owners: the same rows, whatever was lost, damaged or under way."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.message import Delivery, Outgoing
from aiops_common.postgres import Listener, Pool
from aiops_contracts.auth import Role, UserSnapshot
from aiops_contracts.base import JobState
from aiops_contracts.changelog import CommitInput, GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import MAX_TITLE_LENGTH, ReplayedTickets, ReplayTickets, TicketStatusChanged, TriageTicket
from aiops_gateway.domain import access
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.parts import Part
from aiops_gateway.projections import Projector
from aiops_gateway.repository import read_model
from aiops_gateway.repository import rebuild as statements
from aiops_gateway.repository.read_model import CHANGES_CHANNEL, TICKETS
from aiops_gateway.service.acceptance import Acceptance
from aiops_gateway.service.rebuild import Progress, Rebuild, Stuck
from aiops_gateway.service.submissions import Submissions
from integration.gateway.conftest import listening, minute, ticket
from integration.gateway.owners import Owners, dump, empty_owners
from support.content_keys import keyring
from support.eventually import eventually

SOMEBODY = Viewer(uuid4(), access.Role.OPS)

TICKET_ROWS = """
INSERT INTO tickets (id, version, state, status, title, body, source, created_at, updated_at)
SELECT gen_random_uuid(), 1 + n % 3, 'SUCCEEDED', 'OPEN', 'ticket ' || n, 'b', 's', now(), now()
FROM generate_series(1, $1::int) AS n
"""
LOG_ROW = """
INSERT INTO log_entries (id, version, state, source, content, line_count, byte_count, created_at, updated_at)
SELECT $1, 1, 'FAILED', 's', repeat('x', $2::int), 1, $2, now(), now()
"""


@pytest.fixture
async def owners(pools: dict[str, Pool]) -> Owners:
    await empty_owners(pools)
    return Owners(pools)


@pytest.fixture
def rebuild(pool: Pool, owners: Owners) -> Rebuild:
    return Rebuild(pool, owners, patience_seconds=0.5)


async def run(rebuild: Rebuild, *parts: Part, from_empty: bool = False) -> dict[Part, Progress]:
    told = [progress async for progress in rebuild.run(parts or tuple(Part), from_empty=from_empty)]
    return {progress.part: progress for progress in told if progress.done}


async def execute(pool: Pool, statement: str, *arguments: object) -> None:
    async with pool.connection() as connection:
        await connection.execute(statement, *arguments)


async def test_2500_rows_come_in_pages_and_are_all_there(
    pools: dict[str, Pool], pool: Pool, owners: Owners, rebuild: Rebuild
) -> None:
    await execute(pools["triage"], TICKET_ROWS, 2500)
    done = (await run(rebuild, Part.TICKETS))[Part.TICKETS]
    assert (done.rows_read, done.rows_changed, done.rows_restored) == (2500, 2500, 0)
    assert [owner for owner, _ in owners.asked] == ["triage"] * 3
    async with pools["triage"].connection() as connection:
        owned = await connection.fetch("SELECT id, version, created_at, title FROM tickets ORDER BY id")
    async with pool.connection() as connection:
        shown = await connection.fetch("SELECT id, version, created_at, title FROM tickets ORDER BY id")
    assert shown == owned
    before = await dump(pool)
    again = (await run(rebuild, Part.TICKETS))[Part.TICKETS]
    assert (again.rows_read, again.rows_changed) == (2500, 0)
    assert (await run(rebuild, Part.TICKETS, from_empty=True))[Part.TICKETS].rows_changed == 2500
    assert await dump(pool) == before


async def test_a_page_is_cut_where_the_rows_are_large(
    pools: dict[str, Pool], pool: Pool, owners: Owners, rebuild: Rebuild
) -> None:
    sizes = [10, 700_000, 700_000, 8 * 1024 * 1024, 20, 30, 1_000_000]
    ids = sorted((uuid4() for _ in sizes), key=lambda identity: identity.bytes)
    for identity, size in zip(ids, sizes, strict=True):
        await execute(pools["summarizer"], LOG_ROW, identity, size)
    assert (await run(rebuild, Part.LOG_ENTRIES))[Part.LOG_ENTRIES].rows_changed == len(sizes)
    assert [after for _, after in owners.asked] == [None, ids[1], ids[2], ids[3]]
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT id, length(large) AS size FROM log_entries ORDER BY id")
    assert [(row["id"], row["size"]) for row in rows] == list(zip(ids, sizes, strict=True))


async def test_a_row_gives_way_to_its_owner_unless_it_is_newer(pool: Pool, listener: Listener) -> None:
    same, damaged, old, new = (ticket(name, version=2) for name in ("same", "damaged", "old", "new"))
    stored = [
        same,
        damaged.model_copy(update={"title": "?", "created_at": minute(9)}),
        old.model_copy(update={"version": 1}),
        new.model_copy(update={"version": 3, "title": "newer"}),
    ]
    missing = ticket("missing", version=2)
    async with pool.connection() as connection:
        await read_model.project(connection, TICKETS, stored)
    told: list[str] = []
    listener.subscribe(CHANGES_CHANNEL, told.append)
    await listening(listener)
    async with pool.connection() as connection:
        assert await statements.repair(connection, TICKETS, [same, damaged, old, new, missing]) == 3
        rows = await connection.fetch("SELECT id, title, version, created_at FROM tickets")
    assert {row["id"]: (row["title"], row["version"], row["created_at"]) for row in rows} == {
        **{one.id: (one.title, 2, one.created_at) for one in (same, damaged, old, missing)},
        new.id: ("newer", 3, new.created_at),
    }

    async def all_told() -> bool:
        named = {UUID(one) for payload in told if ":" in payload for one in payload.partition(":")[2].split(",")}
        return named == {damaged.id, old.id, missing.id}

    await eventually(all_told)


def submissions(pool: Pool) -> Submissions:
    def hand_over(_: Sequence[Outgoing]) -> None:
        """Nobody sends them: they stay in the outbox."""

    return Submissions(Acceptance(pool, hand_over), keyring())


@pytest.mark.parametrize("from_empty", [True, False])
async def test_pending_rows_come_back_from_the_outbox_as_they_were(
    pool: Pool, owners: Owners, rebuild: Rebuild, from_empty: bool
) -> None:
    accept = submissions(pool)
    mail = "somebody@example.com "
    await accept.summarize_log(SOMEBODY, SummarizeLog(source="s", content=f"a {mail}\nb" * 2000), None)
    await accept.triage_ticket(SOMEBODY, TriageTicket(title="t", body=mail, reporter_email="a@b.example"), "key")
    # Redaction makes this one longer than a title may be, so it travels as it was sent.
    await accept.triage_ticket(SOMEBODY, TriageTicket(title=("a@b.cd " * 100)[:MAX_TITLE_LENGTH], body="b"), None)
    commits = (CommitInput(message="feat: x"),)
    await accept.generate_changelog(SOMEBODY, GenerateChangelog(project="p", release="1", commits=commits), None)
    before = await dump(pool)
    assert [len(rows) for rows in before.values()] == [1, 2, 1, 0, 0, 0]
    await execute(pool, "TRUNCATE log_entries, tickets, changelogs")
    done = await run(rebuild, from_empty=from_empty)
    assert await dump(pool) == before
    assert {part: progress.rows_restored for part, progress in done.items() if progress.rows_restored} == {
        Part.LOG_ENTRIES: 1, Part.TICKETS: 2, Part.CHANGELOGS: 1,
    }  # fmt: skip
    assert (await run(rebuild))[Part.TICKETS].rows_restored == 0


async def test_an_unreadable_command_does_not_stop_the_others(pool: Pool, rebuild: Rebuild) -> None:
    await submissions(pool).triage_ticket(SOMEBODY, TriageTicket(title="t", body="b"), None)
    before = await dump(pool)
    await execute(
        pool,
        "INSERT INTO outbox (id, exchange, routing_key, body) VALUES ($1, 'aiops.commands', $2, '{}')",
        uuid4(),
        TriageTicket.message_type,
    )
    done = (await run(rebuild, Part.TICKETS, from_empty=True))[Part.TICKETS]
    assert (done.rows_restored, done.not_readable) == (1, 1)
    assert await dump(pool) == before


@pytest.mark.parametrize("sent", [None, timedelta(days=6, hours=12)])
async def test_a_pending_row_that_nothing_else_tells_of_stays(
    pool: Pool, rebuild: Rebuild, sent: timedelta | None
) -> None:
    pending = await submissions(pool).triage_ticket(SOMEBODY, TriageTicket(title="t", body="b"), None)
    if sent is None:
        await execute(pool, "TRUNCATE outbox")
    else:
        await execute(pool, "UPDATE outbox SET sent_at = now() - $1::interval", sent)
    foreign = ticket("nobody's", version=1)
    async with pool.connection() as connection:
        await read_model.project(connection, TICKETS, [foreign])
    await run(rebuild, from_empty=True)
    async with pool.connection() as connection:
        assert await read_model.get(connection, TICKETS, pending.id) == pending
        assert await read_model.get(connection, TICKETS, foreign.id) is None


@pytest.mark.parametrize("from_empty", [True, False])
async def test_an_owner_that_is_away_is_named_and_nothing_is_emptied(
    pool: Pool, pools: dict[str, Pool], owners: Owners, rebuild: Rebuild, from_empty: bool
) -> None:
    await execute(pools["triage"], TICKET_ROWS, 3)
    await run(rebuild)
    before = await dump(pool)
    owners.away = {"changelog"}
    with pytest.raises(Stuck, match=r"changelogs: no answer from changelog for 0\.5 s .*run this again"):
        await run(rebuild, from_empty=from_empty)
    assert await dump(pool) == before


async def test_an_owner_that_comes_back_is_waited_for(pools: dict[str, Pool], owners: Owners, rebuild: Rebuild) -> None:
    await execute(pools["triage"], TICKET_ROWS, 3)
    owners.failures = 1
    assert (await run(rebuild, Part.TICKETS))[Part.TICKETS].rows_changed == 3


async def test_pages_that_do_not_advance_end(pool: Pool, rebuild: Rebuild, owners: Owners) -> None:
    async def repeat(_: Delivery[ReplayTickets]) -> ReplayedTickets:
        return ReplayedTickets(snapshots=(), next_after=UUID(int=1))

    owners.answer(ReplayTickets, repeat)
    with pytest.raises(Stuck, match="do not advance"):
        await run(rebuild, Part.TICKETS)


async def test_accounts_and_keys_are_repaired_too(pool: Pool, pools: dict[str, Pool], rebuild: Rebuild) -> None:
    account = UserSnapshot(
        id=uuid4(), version=2, email="a@b.example", display_name="A", role=Role.OPS, created_at=minute(0),
        updated_at=minute(1),
    )  # fmt: skip
    async with pools["auth"].connection() as connection:
        await connection.execute(
            "INSERT INTO accounts VALUES ($1, $2, $3, $4, $5, '$argon2id$x', $6, $7)",
            account.id, account.version, account.email, account.display_name, account.role, account.created_at,
            account.updated_at,
        )  # fmt: skip
        await connection.execute("INSERT INTO signing_keys VALUES ('k', '{\"kty\": \"EC\"}', '', $1)", minute(0))
    done = await run(rebuild)
    assert (done[Part.USERS].rows_changed, done[Part.SIGNING_KEYS].rows_changed) == (1, 1)
    before = await dump(pool)
    assert "OPS" in before["users"][0]
    await execute(pool, "UPDATE users SET role = 'ADMIN'")
    await execute(pool, "UPDATE signing_keys SET jwk = '{}'")
    await execute(pool, "INSERT INTO signing_keys VALUES ('foreign', '{}', now())")
    done = await run(rebuild)
    assert (done[Part.USERS].rows_changed, done[Part.SIGNING_KEYS].rows_changed) == (1, 1)
    await run(rebuild, from_empty=True)
    assert await dump(pool) == before


async def test_keys_are_never_missing(pool: Pool, pools: dict[str, Pool], rebuild: Rebuild) -> None:
    async with pools["auth"].connection() as connection:
        await connection.execute("INSERT INTO signing_keys VALUES ('k', '{}', '', $1)", minute(0))
    await run(rebuild)
    stop = asyncio.Event()
    seen: set[int] = set()

    async def look() -> None:
        while not stop.is_set():
            async with pool.connection() as connection:
                seen.add(await connection.fetchval("SELECT count(*) FROM signing_keys"))

    looking = asyncio.create_task(look())
    for _ in range(20):
        await run(rebuild, Part.SIGNING_KEYS, from_empty=True)
    stop.set()
    await looking
    assert seen == {1}


async def test_rebuilds_at_once_beside_events_end_with_the_newest_rows(
    pool: Pool, pools: dict[str, Pool], owners: Owners
) -> None:
    await execute(pools["triage"], TICKET_ROWS, 1200)
    rebuilds = [Rebuild(pool, owners, patience_seconds=20) for _ in range(2)]
    await run(rebuilds[0])
    projector = Projector(pool)

    async def change_all() -> None:
        async with pools["triage"].connection() as connection:
            rows = await connection.fetch(
                "UPDATE tickets SET version = version + 1, updated_at = now() RETURNING id, version, title, created_at"
            )
        one = ticket(version=1, state=JobState.SUCCEEDED).model_copy(update={"source": "s"})
        for row in rows:
            event = TicketStatusChanged(ticket=one.model_copy(update={**row, "updated_at": minute(1)}))
            await projector.apply(Delivery(uuid4(), event, "service:triage", 1, minute(1)))

    await asyncio.gather(change_all(), *(run(one, from_empty=True) for one in rebuilds))
    async with pools["triage"].connection() as connection:
        owned = await connection.fetch("SELECT id, version, title FROM tickets ORDER BY id")
    async with pool.connection() as connection:
        assert await connection.fetch("SELECT id, version, title FROM tickets ORDER BY id") == owned


async def test_emptying_waits_for_nobody_for_long(pool: Pool, rebuild: Rebuild) -> None:
    async with pool.transaction() as reader, pool.transaction() as connection:
        await reader.execute("SELECT FROM tickets")
        with pytest.raises(statements.TableBusy, match="tickets"):
            await statements.empty(connection, "tickets")
