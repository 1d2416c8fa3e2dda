"""`python -m aiops_gateway rebuild` on a running stack: the same rows at the end, while traffic goes on."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

import asyncpg
import pytest

from aiops_local.environment import inherited
from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, GraphqlErrors, Json
from support.queues import purge
from support.stack import RunningStack

TABLES = ("log_entries", "tickets", "changelogs", "users", "signing_keys")
PARTS = ["signing-keys", "users", "api-keys", "log-entries", "tickets", "changelogs"]
SECONDS = 60.0

Dump = dict[str, dict[str, str]]


async def rebuild(stack: RunningStack, *arguments: str) -> tuple[int, list[Json], str]:
    """Exit status, what was told, and standard error of the command."""
    status, out, error = await command_line(stack, "--json", *arguments)
    return status, [json.loads(line) for line in out.splitlines()], error


async def command_line(stack: RunningStack, *arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command."""
    command = stack.stack.services.serve("gateway", scripted_llm=False)
    process = await asyncio.create_subprocess_exec(
        *command.argv[:-1], "rebuild", *arguments,
        cwd=command.directory, env={**inherited(), **command.environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(SECONDS):
        out, error = await process.communicate()
    for secret in ("amqp://", "postgresql://"):
        assert secret not in (out + error).decode()
    return process.returncode or 0, out.decode(), error.decode()


@asynccontextmanager
async def database(stack: RunningStack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
    try:
        yield connection
    finally:
        await connection.close()


async def dump(stack: RunningStack) -> Dump:
    """Table → key → the whole row as text, but for the trace in which it was written last: its owner does not know."""
    async with database(stack) as connection:
        return {
            table: dict(
                await connection.fetch(
                    f"SELECT {key}::text, (to_jsonb(t) - 'traceparent')::text FROM gateway.{table} AS t"
                )
            )
            for table in TABLES
            for key in ["kid" if table == "signing_keys" else "id"]
        }


async def quiet(stack: RunningStack) -> None:
    """Wait until every event has been projected."""

    async def look() -> bool:
        async with database(stack) as connection:
            different = await connection.fetchval(
                """
                SELECT count(*) FROM triage.tickets AS owned LEFT JOIN gateway.tickets AS shown USING (id)
                WHERE shown.version IS DISTINCT FROM owned.version
                """
            )
            unsent = await connection.fetchval("SELECT count(*) FROM triage.outbox WHERE sent_at IS NULL")
        return not different and not unsent and await stack.lengths("gateway.events") == {"gateway.events": 0}

    await eventually(look, seconds=SECONDS)


@pytest.fixture(scope="module")
async def scene(stack: RunningStack, admin: GraphqlClient, people: dict[str, GraphqlClient]) -> AsyncIterator[Dump]:
    """Jobs in every state, as the read model shows them: done, moved, failed, and one that stays pending."""
    log = await documents.submit(
        admin, documents.SUMMARIZE_LOG, source="shop", content="ERROR at bob@example.com\n" * 9
    )
    await documents.settled(admin, documents.WATCH_LOG_ENTRY, log)
    made = await documents.submit(admin, documents.GENERATE_CHANGELOG, project="shop", commits=[{"message": "fix: a"}])
    await documents.settled(admin, documents.WATCH_CHANGELOG, made)
    moved = await documents.triaged(admin, title="Moved", body="b", reporterEmail="carol@example.org")
    await move(admin, moved, "IN_PROGRESS")
    async with database(stack) as connection, broken(stack, connection):
        failed = await documents.triaged(admin, title="Never works", body="b")
        assert (failed["state"], failed["failure"]["attempts"]) == ("FAILED", 1)
        await documents.submit(admin, documents.GENERATE_CHANGELOG, project="Waits", commits=[{"message": "fix: a"}])
        await quiet(stack)
        yield await dump(stack)


@asynccontextmanager
async def broken(stack: RunningStack, connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Two tables refuse one value each; triage gives up at once, changelog tries again for minutes."""
    refuse = "ALTER TABLE {} ADD CONSTRAINT broken CHECK (state = 'FAILED' OR {}) NOT VALID"
    await connection.execute(refuse.format("triage.tickets", "title <> 'Never works'"))
    await connection.execute(refuse.format("changelog.changelogs", "project <> 'Waits'"))
    await restart_triage(stack, TRIAGE_MAX_ATTEMPTS="1")
    try:
        yield
    finally:
        for table in ("triage.tickets", "changelog.changelogs"):
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT broken")
        await restart_triage(stack)
        await purge(stack.amqp_url, "triage.dead")


async def restart_triage(stack: RunningStack, **settings: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        assert not settings.keys() - os.environ.keys()
        await stack.kill("triage")
        await stack.serve("triage")


async def move(client: GraphqlClient, ticket: Json, status: str) -> Json:
    change = {"ticketId": ticket["id"], "status": status, "expectedVersion": ticket["version"]}
    payload = (await client.execute(documents.UPDATE_TICKET_STATUS, input=change))["updateTicketStatus"]
    assert payload["userErrors"] == []
    moved: Json = payload["ticket"]
    return moved


@dataclass
class Traffic:
    """Tickets that are handed in and moved on, and everybody asking who they are, until it is stopped."""

    people: dict[str, GraphqlClient]
    accepted: list[str] = field(default_factory=list)
    moved: int = 0

    async def hand_in(self) -> None:
        while True:
            admin = self.people["ADMIN"]
            ticket = await documents.submit(admin, documents.TRIAGE_TICKET, title=f"{len(self.accepted)}", body="b")
            self.accepted.append(ticket["id"])
            done = await eventually(partial(self.settled, ticket))
            await move(admin, done, "IN_PROGRESS")
            self.moved += 1

    async def settled(self, ticket: Json) -> Json | None:
        """The ticket once it is triaged; None while the rebuild has emptied its table and not read it again."""
        try:
            return await documents.settled(self.people["ADMIN"], documents.WATCH_TICKET, ticket)
        except GraphqlErrors as error:
            if "there is no ticket with this id" not in str(error):
                raise
        return None

    async def ask(self) -> None:
        while True:
            for role, client in self.people.items():
                assert (await client.execute(documents.ME))["me"]["role"] == role


@asynccontextmanager
async def traffic(people: dict[str, GraphqlClient]) -> AsyncIterator[Traffic]:
    going_on = Traffic(people)
    tasks = [asyncio.create_task(going_on.hand_in()) for _ in range(3)] + [asyncio.create_task(going_on.ask())]
    try:
        yield going_on
        assert not [task for task in tasks if task.done() and task.exception()]
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def test_from_empty_amid_traffic_ends_with_the_same_rows(
    stack: RunningStack, people: dict[str, GraphqlClient], scene: Dump
) -> None:
    removed = "SELECT id, version FROM gateway.users WHERE removed_at IS NOT NULL"
    async with database(stack) as connection:
        gone = set(await connection.fetch(removed))
    async with traffic(people) as going_on:
        await eventually(lambda: at_least(going_on, 5))
        status, told, error = await rebuild(stack, "--from-empty")
        assert (status, error) == (0, "")
        during = going_on.moved
        await eventually(lambda: at_least(going_on, during + 5))
    await quiet(stack)
    assert [one["part"] for one in told] == PARTS
    assert {one["part"]: one["rows_restored"] for one in told}["changelogs"] == 1
    after = await dump(stack)
    assert {
        (table, key): (row, after[table].get(key))
        for table, rows in scene.items()
        for key, row in rows.items()
        if after[table].get(key) != row and table != "users"
    } == {}
    async with database(stack) as connection:
        # Other tests damage accounts here on purpose: what counts is what auth has.
        columns = "id, version, email, display_name, role, created_at"
        accounts = set(await connection.fetch(f"SELECT {columns} FROM auth.accounts"))
        assert set(await connection.fetch(f"SELECT {columns} FROM gateway.users WHERE removed_at IS NULL")) == accounts
        assert gone <= set(await connection.fetch(removed))
        owned = {str(row[0]): row[1] for row in await connection.fetch("SELECT id, version FROM triage.tickets")}
        shown = {str(row[0]): row[1] for row in await connection.fetch("SELECT id, version FROM gateway.tickets")}
    assert shown == owned
    assert len(going_on.accepted) >= during


async def at_least(going_on: Traffic, moved: int) -> bool:
    return going_on.moved >= moved


async def test_in_place_what_is_lost_or_damaged_is_repaired(stack: RunningStack, scene: Dump) -> None:
    before = await dump(stack)
    async with database(stack) as connection:
        accounts = await connection.fetchval("SELECT count(*) FROM gateway.users WHERE removed_at IS NULL")
        await connection.execute(
            """
            DELETE FROM gateway.log_entries;
            DELETE FROM gateway.changelogs;
            DELETE FROM gateway.signing_keys;
            DELETE FROM gateway.tickets WHERE title = 'Never works';
            UPDATE gateway.users SET role = 'VIEWER', version = 0 WHERE removed_at IS NULL;
            UPDATE gateway.tickets SET document = document || '{"title": "?", "status": "OPEN"}' WHERE title = 'Moved';
            """
        )
    assert await dump(stack) != before
    status, told, _ = await rebuild(stack)
    assert status == 0
    assert await dump(stack) == before
    changed = {one["part"]: one["rows_changed"] for one in told}
    assert changed["tickets"] == 2
    assert changed["users"] == accounts
    again = (await rebuild(stack))[1]
    assert {(one["rows_changed"], one["rows_restored"]) for one in again} == {(0, 0)}


async def test_an_owner_that_is_away_is_named_and_the_rest_stays(stack: RunningStack, scene: Dump) -> None:
    before = await dump(stack)
    await stack.kill("summarizer")
    try:
        status, told, error = await rebuild(stack, "--from-empty", "--patience", "1")
    finally:
        await stack.serve("summarizer")
    assert (status, told) == (1, [])
    assert "log-entries: no answer from summarizer for 1 s" in error
    assert "Traceback" not in error
    assert await dump(stack) == before


async def test_only_the_parts_that_are_named(stack: RunningStack, scene: Dump) -> None:
    _, told, _ = await command_line(stack, "--only", "tickets", "--only", "users")
    for line, part in zip(told.splitlines(), ("users", "tickets"), strict=True):
        assert re.fullmatch(rf"{part}: [1-9]\d* rows read, 0 changed, 0 restored, \d+\.\d s", line)
    status, _, error = await rebuild(stack, "--only", "everything")
    assert status == 2
    assert "everything" in error
