"""``resend`` on a real database: what it marks, what it leaves alone, and that the relay then sends it."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging import outbox
from aiops_common.messaging.message import Outgoing
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.relay import OutboxRelay
from aiops_common.postgres import Listener, Pool
from support.content_keys import content_keys
from support.eventually import eventually
from support.queues import purge, take
from support.servers import Broker

TICKETS = "triage.triage_ticket.v1"
LOGS = "summarizer.summarize_log.v1"
MORNING = datetime(2025, 1, 31, 9, tzinfo=UTC)


def messages(count: int, message_type: str = TICKETS) -> list[Outgoing]:
    return [Outgoing(uuid4(), "aiops.commands", message_type, b"{}", {}) for _ in range(count)]


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> AsyncIterator[Pool]:
    async with pools["gateway"].connection() as connection:
        await connection.execute("TRUNCATE outbox")
    yield pools["gateway"]
    async with pools["gateway"].connection() as connection:
        await connection.execute("TRUNCATE outbox")


async def write_sent(pool: Pool, written: list[Outgoing], *, at: datetime = MORNING) -> list[Outgoing]:
    async with pool.connection() as connection:
        await outbox.append(connection, written)
        await connection.execute(
            "UPDATE outbox SET created_at = $1, sent_at = $1, claimed_until = NULL WHERE id = ANY($2::uuid[])",
            at,
            [message.id for message in written],
        )
    return written


async def unsent(pool: Pool) -> set[UUID]:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT id FROM outbox WHERE sent_at IS NULL AND claimed_until IS NULL")
        return {row["id"] for row in rows}


def ids(*groups: list[Outgoing]) -> set[UUID]:
    return {message.id for group in groups for message in group}


class Command:
    """``python -m aiops_gateway resend``, as an operator runs it."""

    def __init__(self, database_url: str) -> None:
        self.environment = {
            "GATEWAY_DATABASE_URL": database_url,
            "GATEWAY_AMQP_URL": "amqp://unused@127.0.0.1:1/",
            "GATEWAY_CONTENT_KEYS": content_keys(),
        }

    async def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "aiops_gateway", "resend", *arguments],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def resend(service_database_urls: dict[str, str]) -> Command:
    return Command(service_database_urls["gateway"])


async def test_more_than_one_batch_of_a_type_is_marked_and_nothing_else(pool: Pool, resend: Command) -> None:
    tickets = await write_sent(pool, messages(2300))
    await write_sent(pool, messages(50, LOGS))
    done = await resend("--type", TICKETS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2300" in done.stdout
    assert TICKETS in done.stdout
    assert LOGS not in done.stdout
    assert await unsent(pool) == ids(tickets)


async def test_since_is_inclusive_and_until_is_not(pool: Pool, resend: Command) -> None:
    groups = [await write_sent(pool, messages(3), at=MORNING + timedelta(hours=hour)) for hour in range(4)]
    # The same instants, told with another offset.
    done = await resend("--since", "2025-01-31T12:00:00+02:00", "--until", "2025-01-31T12:00:00Z", "--json")
    told = json.loads(done.stdout)
    assert await unsent(pool) == ids(*groups[1:3])
    assert (told["count"], told["dryRun"]) == (6, False)
    assert told["oldest"] == "2025-01-31T10:00:00.000+00:00"
    assert told["types"] == {
        TICKETS: {"count": 6, "oldest": "2025-01-31T10:00:00.000+00:00", "newest": "2025-01-31T11:00:00.000+00:00"}
    }


async def test_all_filters_must_be_met_and_ids_that_are_not_there_are_named(pool: Pool, resend: Command) -> None:
    (ticket,), (log,) = await write_sent(pool, messages(1)), await write_sent(pool, messages(1, LOGS))
    unknown = uuid4()
    done = await resend("--id", str(ticket.id), "--id", str(log.id), "--id", str(unknown), "--type", TICKETS)
    assert done.returncode == 0
    assert await unsent(pool) == {ticket.id}
    assert str(unknown) in done.stderr
    assert str(log.id) in done.stderr
    assert str(ticket.id) not in done.stderr


async def test_a_dry_run_tells_the_same_and_changes_nothing(pool: Pool, resend: Command) -> None:
    await write_sent(pool, messages(5))
    dry = json.loads((await resend("--type", TICKETS, "--dry-run", "--json")).stdout)
    assert await unsent(pool) == set()
    real = json.loads((await resend("--type", TICKETS, "--json")).stdout)
    assert dry == {**real, "dryRun": True}


@pytest.mark.parametrize(
    "arguments", [["--id", str(uuid4())], ["--type", "shop.nothing.v1"], ["--until", "2001-01-01T00:00:00Z"]]
)
async def test_where_nothing_matches_it_says_so_and_changes_nothing(
    pool: Pool, resend: Command, arguments: list[str]
) -> None:
    await write_sent(pool, messages(2))
    done = await resend(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no message in the outbox matches" in done.stderr
    assert "7 days" in done.stderr
    assert await unsent(pool) == set()


async def test_other_schemas_are_left_alone(pool: Pool, pools: dict[str, Pool], resend: Command) -> None:
    async with pools["triage"].connection() as connection:
        await connection.execute("TRUNCATE outbox")
    (there,) = await write_sent(pools["triage"], messages(1))
    done = await resend("--id", str(there.id))
    assert done.returncode == 1
    assert await unsent(pools["triage"]) == set()


@pytest.mark.parametrize("path", ["postgresql://gateway:secret@127.0.0.1:1/aiops", None])
async def test_a_database_that_is_away_or_refuses_is_told_in_one_line(
    resend: Command, service_database_urls: dict[str, str], path: str | None
) -> None:
    resend.environment["GATEWAY_DATABASE_URL"] = path or service_database_urls["gateway"] + "_not"
    done = await resend("--type", TICKETS)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("gateway: ")
    assert "secret" not in done.stderr


async def test_what_is_marked_leaves_once_more_with_the_same_id(
    pool: Pool, broker: Broker, resend: Command, service_database_urls: dict[str, str]
) -> None:
    await purge(broker.amqp_url, "triage.work")
    # Not so long ago that the sweep would delete them.
    written = await write_sent(pool, messages(30), at=datetime.now(UTC) - timedelta(hours=1))
    publisher = Publisher(broker.url_for("gateway"), name="test-resend")
    listener = Listener(service_database_urls["gateway"])
    # Only the notification wakes it in time.
    relay = OutboxRelay(pool, publisher, schema="gateway", listener=listener, poll_seconds=3600)
    await listener.start()
    await relay.start()

    async def listening() -> bool:
        return listener.connected

    try:
        await eventually(listening)
        assert (await resend("--type", TICKETS)).returncode == 0
        arrived: Counter[str] = Counter()
        for _ in written:
            arrived[(await eventually(lambda: take(broker.amqp_url, "triage.work"))).message_id or ""] += 1
    finally:
        await relay.stop()
        await listener.stop()
        await publisher.stop()
    assert arrived == Counter(str(message.id) for message in written)
    assert await unsent(pool) == set()


async def test_what_is_marked_while_it_is_on_its_way_leaves_once_more(pool: Pool) -> None:
    """Its confirm may come from a queue that was lost a moment later, which is why somebody sends it again."""
    (message,) = messages(1)
    async with pool.connection() as connection:
        await outbox.append(connection, [message], lease_seconds=30)
        assert await outbox.resend(connection, [message.id]) == {message.id}
        await outbox.mark_sent(connection, [message])
    assert await unsent(pool) == {message.id}


async def test_retention_spares_what_is_marked(pool: Pool) -> None:
    _old, marked = await write_sent(pool, messages(2))
    async with pool.connection() as connection:
        await outbox.resend(connection, [marked.id])
        assert await outbox.delete_sent(connection, older_than_seconds=1, limit=100) == 1
        assert await connection.fetchval("SELECT array_agg(id) FROM outbox") == [marked.id]
