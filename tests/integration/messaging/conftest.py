"""A service of the topology, `triage`, with handlers that tests give it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.messaging.worker import Worker
from aiops_contracts.base import JobFailure
from aiops_contracts.triage import TriageTicket
from support.queues import purge
from support.servers import Broker


@dataclass
class Handled:
    """What a test's handler saw; ``behave`` may fail."""

    behave: Callable[[Delivery[TriageTicket]], Awaitable[None]] | None = None
    deliveries: list[Delivery[Any]] = field(default_factory=list)
    failures: list[JobFailure] = field(default_factory=list)

    async def handle(self, delivery: Delivery[Any]) -> None:
        self.deliveries.append(delivery)
        if self.behave is not None:
            await self.behave(delivery)

    async def give_up(self, _delivery: Delivery[Any], failure: JobFailure) -> None:
        self.failures.append(failure)


@pytest.fixture
async def handled(broker: Broker) -> AsyncIterator[Handled]:
    """A running consumer of ``triage.work`` that gives up after two attempts."""
    await purge(broker.amqp_url, "triage.work", "triage.dead", "triage.retry.5s")
    seen = Handled()
    publisher = Publisher(broker.url_for("triage"), name="test-triage")
    consumer = Consumer(
        owner="triage",
        queue="triage.work",
        handlers={TriageTicket.message_type: Handler(TriageTicket, seen.handle, seen.give_up)},
        publisher=publisher,
        trusted_users=frozenset({"gateway", "triage"}),
        policy=RetryPolicy(max_attempts=2),
    )
    worker = Worker(broker.url_for("triage"), name="test-triage", graceful_seconds=2)
    worker.subscribe("triage.work", consumer.process, prefetch=10)
    await worker.start()
    yield seen
    await worker.stop()
    await publisher.stop()
