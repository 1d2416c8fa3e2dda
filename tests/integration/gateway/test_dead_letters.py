"""Dead letters on a real broker, and the audit log of a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aio_pika
import orjson
import pytest
from structlog.testing import capture_logs

from aiops_common.messaging.deadletter import BrokerUnavailable, DeadLetters
from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    DEAD_AT_HEADER,
    DEAD_ID_HEADER,
    ERROR_HEADER,
    QUEUE_HEADER,
    REASON_HEADER,
    TYPE_HEADER,
)
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.dead_letters import UnknownLetters
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.dead_letters import DEAD_QUEUES, DeadLetterOffice, UnknownQueue, position
from support.queues import channel, purge, take
from support.servers import Broker
from unit.gateway.fake_dead_letters import FakeDeadLetters, letter

ADMIN = Viewer(uuid4(), Role.ADMIN)
QUEUE = "triage.dead"
PERSONAL = "jane.doe@example.org"
NOWHERE = "127.0.0.1:1"


@pytest.fixture
async def log(pool: Pool) -> Pool:
    """The gateway's schema with an empty audit log."""
    async with pool.connection() as connection:
        await connection.execute("TRUNCATE audit_log")
    return pool


async def recorded(pool: Pool) -> list[dict[str, Any]]:
    """The audit log, oldest first, with the details beside the columns."""
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT * FROM audit_log ORDER BY at, id")
    return [{**row, **orjson.loads(row["details"])} for row in rows]


async def test_every_attempt_of_an_administrator_is_recorded(log: Pool) -> None:
    one, other = letter(body=PERSONAL), letter()
    office = DeadLetterOffice(FakeDeadLetters(one, other), Audit(log), Answers(log, wait_seconds=5))
    before = datetime.now(UTC) - timedelta(minutes=1)
    with capture_logs() as lines:
        assert await office.replay(ADMIN, QUEUE, [one.id]) == 1
        with pytest.raises(UnknownLetters):
            await office.replay(ADMIN, QUEUE, [other.id, one.id])
        with pytest.raises(UnknownQueue):
            await office.replay(ADMIN, PERSONAL, [None])
    rows = await recorded(log)
    assert [(row["outcome"], row["queue"], row["ids"], row["replayed"]) for row in rows] == [
        ("REPLAYED", QUEUE, [str(one.id)], 1),
        ("REFUSED", QUEUE, [str(other.id), str(one.id)], 0),
        ("REFUSED", None, [], 0),
    ]
    assert {(row["principal"], row["action"]) for row in rows} == {(ADMIN.principal, "replayDeadLetters")}
    assert {row["id"].version for row in rows} == {7}
    assert all(before < row["at"] < datetime.now(UTC) + timedelta(minutes=1) for row in rows)
    assert all(row.keys() >= {"trace_id", "replayed_ids"} for row in rows)
    assert [(line["event"], line["audit_id"], line["actor"], line["outcome"]) for line in lines] == [
        ("audit", str(row["id"]), row["principal"], row["outcome"]) for row in rows
    ]
    assert PERSONAL not in f"{rows}{lines}"


async def test_an_attempt_that_a_crash_cut_off_stays_as_an_intent(log: Pool) -> None:
    await Audit(log).intend(ADMIN, "replayDeadLetters", {"queue": QUEUE, "ids": None})
    (row,) = await recorded(log)
    assert (row["outcome"], row["queue"], "replayed" in row) == ("STARTED", QUEUE, False)


async def test_a_replay_that_happened_is_told_though_its_outcome_could_not_be_kept(
    log: Pool,
) -> None:
    audit = Audit(log)
    attempt = await audit.intend(ADMIN, "replayDeadLetters", {"queue": QUEUE, "ids": None})
    away = Audit(Pool(f"postgresql://nobody@{NOWHERE}/none", acquire_seconds=0.5))
    with capture_logs() as lines:
        await away.conclude(attempt, "REPLAYED", {"replayed": 2})
    assert [row["outcome"] for row in await recorded(log)] == ["STARTED"]
    audits = [line for line in lines if line["event"].startswith("audit")]
    assert [(line["event"], line.get("outcome")) for line in audits] == [
        ("audit", "REPLAYED"), ("audit.outcome_not_kept", None),
    ]  # fmt: skip


async def test_without_a_database_nothing_is_replayed() -> None:
    letters = FakeDeadLetters(letter())
    nowhere = Pool(f"postgresql://nobody@{NOWHERE}/none", acquire_seconds=0.5)
    with pytest.raises(DatabaseUnavailable):
        await DeadLetterOffice(letters, Audit(nowhere), Answers(nowhere, wait_seconds=5)).replay(ADMIN, QUEUE, None)
    assert len(letters.letters) == 1


async def test_a_broker_that_is_away_is_on_record(log: Pool) -> None:
    nowhere = DeadLetters(f"amqp://gateway:x@{NOWHERE}/", name="test")
    office = DeadLetterOffice(nowhere, Audit(log), Answers(log, wait_seconds=5))
    with pytest.raises(BrokerUnavailable):
        await office.page(None, PageRequest.of(None, None, None, None))
    with pytest.raises(BrokerUnavailable):
        await office.replay(ADMIN, QUEUE, None)
    assert [(row["outcome"], row["replayed"]) for row in await recorded(log)] == [("UNAVAILABLE", 0)]


@pytest.fixture
async def office(log: Pool, broker: Broker) -> AsyncIterator[DeadLetterOffice]:
    """As the gateway's own user; all dead queues are empty."""
    await purge(broker.amqp_url, *DEAD_QUEUES, "triage.work")
    letters = DeadLetters(broker.url_for("gateway"), name="test")
    await letters.start()
    yield DeadLetterOffice(letters, Audit(log), Answers(log, wait_seconds=5))
    await letters.stop()
    await purge(broker.amqp_url, *DEAD_QUEUES, "triage.work")


async def bury(broker: Broker, queue: str, *, second: int) -> UUID:
    """Put a dead letter there as a consumer does; returns its id."""
    identity = uuid4()
    died = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    headers: dict[str, Any] = {
        DEAD_ID_HEADER: str(identity),
        DEAD_AT_HEADER: int(died.timestamp() * 1000),
        REASON_HEADER: "attempts_spent",
        ERROR_HEADER: "it did not work",
        QUEUE_HEADER: queue.replace(".dead", ".work"),
        TYPE_HEADER: "triage.triage_ticket.v1",
        ATTEMPT_HEADER: 5,
    }
    message = aio_pika.Message(
        f"body {second}".encode(), headers=headers, message_id=str(uuid4()), content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )  # fmt: skip
    async with channel(broker.amqp_url) as opened:
        await opened.default_exchange.publish(message, routing_key=queue)
    return identity


async def test_real_letters_are_paged_over_all_queues(broker: Broker, office: DeadLetterOffice) -> None:
    queues = [QUEUE, "summarizer.dead", QUEUE, "changelog.dead", QUEUE]
    buried = [await bury(broker, queue, second=number) for number, queue in enumerate(queues)]
    seen: list[UUID] = []
    after, has_next = None, True
    while has_next:
        page = await office.page(None, PageRequest.of(2, after, None, None))
        seen += [one.id for one in page.rows]
        after, has_next = position(page.rows[-1]).cursor(), page.has_next
    assert seen == buried[::-1]
    assert await office.count(None) == 5
    page = await office.page(QUEUE, PageRequest.of(None, None, None, None))
    assert [one.id for one in page.rows] == [buried[4], buried[2], buried[0]]
    found = await office.get(buried[1])
    assert found is not None
    assert (found.queue, found.reason, found.attempts, found.body) == ("summarizer.dead", "attempts_spent", 5, "body 1")
    assert await office.get(uuid4()) is None


async def test_a_real_letter_goes_back_to_its_work_queue(broker: Broker, office: DeadLetterOffice, log: Pool) -> None:
    first, second = [await bury(broker, QUEUE, second=number) for number in range(2)]
    with pytest.raises(UnknownLetters) as refused:
        await office.replay(ADMIN, QUEUE, [first, uuid4()])
    assert refused.value.places == (1,)
    assert await office.count(QUEUE) == 2
    assert await office.replay(ADMIN, QUEUE, [first]) == 1
    returned = await take(broker.amqp_url, "triage.work")
    assert returned is not None
    assert (returned.body, returned.headers.get(ATTEMPT_HEADER)) == (b"body 0", None)
    assert await take(broker.amqp_url, "triage.work") is None
    left = await office.page(None, PageRequest.of(None, None, None, None))
    assert [one.id for one in left.rows] == [second]
    rows = await recorded(log)
    assert [(row["outcome"], row["replayed_ids"]) for row in rows] == [("REFUSED", []), ("REPLAYED", [str(first)])]
