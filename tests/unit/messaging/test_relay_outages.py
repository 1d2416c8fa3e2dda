"""What the relay says while it can do nothing: once that it begins and once that it is over."""

import asyncio
from typing import Any

from structlog.testing import capture_logs

from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.message import Outgoing
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.relay import OutboxRelay
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from support.eventually import eventually
from support.fake_broker import FakePublisher


class Scripted(OutboxRelay):
    """A relay whose looks at the outbox fail with ``failures``, one after the other, and then find nothing."""

    def __init__(self, *failures: Exception) -> None:
        publisher: Publisher = FakePublisher([])
        pool, listener = Pool("postgresql://unused"), Listener("postgresql://unused")
        super().__init__(pool, publisher, schema="shop", listener=listener, poll_seconds=0.01)
        self.failures = list(failures)
        self.looks = 0

    async def _claim(self) -> list[Outgoing]:
        if self.failures:
            raise self.failures.pop(0)
        self.looks += 1
        return []


async def said(relay: Scripted) -> list[Any]:
    """The lines of a relay until it has found nothing a few times."""

    async def enough() -> bool:
        return relay.looks > 2

    with capture_logs() as lines:
        running = asyncio.create_task(relay._run())
        await eventually(enough, every=0.01)
        running.cancel()
        await asyncio.wait({running})
    return lines


async def test_an_outage_is_told_when_it_begins_and_when_it_is_over() -> None:
    away = [DatabaseUnavailable("away"), BrokerUnavailable("away"), DatabaseUnavailable("away")]
    lines = await said(Scripted(*away))
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "relay.paused"),
        ("debug", "relay.waiting"),
        ("debug", "relay.waiting"),
        ("info", "relay.resumed"),
    ]


async def test_where_all_is_well_nothing_is_told() -> None:
    assert await said(Scripted()) == []
