"""Feature flags on their way: from the gateway's table over a real broker into another service's schema and memory."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from aiops_common.flags import FlagOwner
from aiops_common.lifecycle import running
from aiops_common.messaging.consumer import Handler
from aiops_common.messaging.message import Delivery, outgoing
from aiops_common.messaging.names import COMMANDS_EXCHANGE, EVENTS_EXCHANGE, PRINCIPAL_HEADER, RETRY_EXCHANGE
from aiops_common.messaging.publisher import Publisher
from aiops_common.postgres import Pool
from aiops_common.runtime import Runtime
from aiops_common.settings import ServiceSettings
from aiops_common.testing.flags import flag
from aiops_contracts.base import FeatureFlag
from aiops_contracts.gateway import FeatureFlagChanged, ReplayedFeatureFlags, ReplayFeatureFlags
from aiops_contracts.triage import TriageTicket
from aiops_gateway.consumers import request_handlers
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.feature_flags import FeatureFlags, FlagChange
from support.eventually import eventually
from support.queues import channel, purge
from support.servers import Broker

OWNER = FlagOwner("gateway", FeatureFlagChanged, ReplayFeatureFlags, ReplayedFeatureFlags)
ADMIN = Viewer(uuid4(), Role.ADMIN)
SWITCH = "triage.llm"
QUEUES = ("triage.work", "triage.events", "triage.retry.5s", "triage.dead", "gateway.requests")


@dataclass(frozen=True, slots=True)
class Servers:
    """What the services of a test run on."""

    broker: Broker
    urls: dict[str, str]

    def settings(self, name: str, prefetch: int) -> ServiceSettings:
        url, amqp_url = SecretStr(self.urls[name]), SecretStr(self.broker.url_for(name))
        return ServiceSettings(database_url=url, amqp_url=amqp_url, prefetch=prefetch)

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[FeatureFlags]:
        """What decides flags, tells of them and answers who asks."""
        settings = self.settings("gateway", 10)
        runtime = Runtime.build("gateway", settings)
        flags = FeatureFlags(runtime.pool, Audit(runtime.pool), Answers(runtime.pool, wait_seconds=5))
        runtime.answer_requests(request_handlers(flags), settings, asked_by={"triage"})
        async with running(runtime.components):
            yield flags

    @asynccontextmanager
    async def follower(
        self, handlers: Mapping[str, Handler] | None = None, *, prefetch: int = 10
    ) -> AsyncIterator[Runtime]:
        """One process of triage that follows flags."""
        settings = self.settings("triage", prefetch)
        runtime = Runtime.build("triage", settings)
        runtime.follow_flags(OWNER, settings)
        runtime.consume_commands(handlers or {}, settings, speaks_for_others="gateway")
        async with running(runtime.components):
            yield runtime


@pytest.fixture
async def servers(
    broker: Broker, service_database_urls: dict[str, str], pools: dict[str, Pool]
) -> AsyncIterator[Servers]:
    """Nothing is known to triage, and all that the gateway has are the switches as they were made."""
    await purge(broker.amqp_url, *QUEUES)
    async with pools["gateway"].connection() as connection:
        await connection.execute("TRUNCATE outbox, audit_log")
        await connection.execute("DELETE FROM feature_flags WHERE NOT key LIKE '%.llm'")
        await connection.execute("UPDATE feature_flags SET version = 1, enabled = true")
    async with pools["triage"].connection() as connection:
        await connection.execute("TRUNCATE feature_flags, outbox, inbox")
    yield Servers(broker, service_database_urls)
    async with pools["triage"].connection() as connection:
        await connection.execute("TRUNCATE feature_flags")


def work() -> Delivery[Any]:
    return Delivery(UUID(int=1), None, "user:x", 1, datetime(2026, 1, 1, tzinfo=UTC))


async def until(runtime: Runtime, *, on: bool, default: bool) -> None:
    """Wait until this process says so."""

    async def look() -> bool:
        return await runtime.flags.is_on(SWITCH, work(), default=default) is on

    await eventually(look)


async def thrown(flags: FeatureFlags, version: int = 1, *, enabled: bool = False) -> None:
    reply = await flags.change(ADMIN, FlagChange(key=SWITCH, enabled=enabled, expected_version=version), None, None)
    assert reply.outcome == "OK"


async def all_told(gateway: Pool) -> bool:
    """Whether the broker has every event of the gateway."""
    async with gateway.connection() as connection:
        return bool(await connection.fetchval("SELECT count(*) = 0 FROM outbox WHERE sent_at IS NULL"))


async def test_a_service_that_was_never_there_learns_all_flags(servers: Servers, pools: dict[str, Pool]) -> None:
    async with servers.gateway() as flags:
        await thrown(flags)
        await flags.change(ADMIN, FlagChange(key="shop.new", value="x", expected_version=0), None, None)
        # Whoever comes later was told nothing.
        await eventually(lambda: all_told(pools["gateway"]))
        await purge(servers.broker.amqp_url, "triage.events")
        async with servers.follower() as triage:
            await until(triage, on=False, default=True)
            assert triage.known_flags.current.keys() == {SWITCH, "summarizer.llm", "changelog.llm", "shop.new"}


async def test_a_change_is_known_while_work_stands_still(servers: Servers) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    async def slow(_delivery: Delivery[Any]) -> None:
        begun.set()
        await end.wait()

    handlers = {TriageTicket.message_type: Handler(TriageTicket, slow)}
    publisher = Publisher(servers.broker.url_for("gateway"), name="test")
    try:
        async with servers.gateway() as flags, servers.follower(handlers, prefetch=1) as triage:
            for number in range(5):
                command = TriageTicket(title=f"t{number}", body="b")
                await publisher.publish(outgoing(command, exchange=COMMANDS_EXCHANGE, source="test"))
            await begun.wait()
            await until(triage, on=True, default=False)
            await thrown(flags)
            await until(triage, on=False, default=True)
            end.set()
    finally:
        await publisher.stop()


async def test_every_process_follows_though_one_gets_the_event(servers: Servers) -> None:
    async with servers.gateway() as flags, servers.follower() as one, servers.follower() as other:
        for replica in (one, other):
            await until(replica, on=True, default=False)
        await thrown(flags)
        async with asyncio.timeout(5):  # what docs/runbook.md promises
            for replica in (one, other):
                await until(replica, on=False, default=True)


async def test_while_the_gateway_is_away_the_last_value_holds_also_over_a_restart(servers: Servers) -> None:
    async with servers.gateway() as flags, servers.follower() as triage:
        await until(triage, on=True, default=False)
        await thrown(flags)
        await until(triage, on=False, default=True)
    async with servers.follower() as again:
        # Asked at once: the first answer is the one that counts.
        assert not await again.flags.is_on(SWITCH, work(), default=True)


async def test_an_older_version_changes_nothing(servers: Servers, pools: dict[str, Pool]) -> None:
    publisher = Publisher(servers.broker.url_for("gateway"), name="test")
    marker = flag("shop.marker")
    try:
        async with servers.follower() as triage:
            for one in (flag(SWITCH, version=5, enabled=False), flag(SWITCH, version=4), marker):
                event = outgoing(FeatureFlagChanged(flag=one), exchange=EVENTS_EXCHANGE, source="aiops/gateway")
                await publisher.publish(event)
            await eventually(lambda: _knows(triage, marker))
            await eventually(lambda: _knows(triage, flag(SWITCH, version=5, enabled=False)))
    finally:
        await publisher.stop()


async def test_somebody_elses_event_is_not_believed(servers: Servers) -> None:
    publisher = Publisher(servers.broker.url_for("summarizer"), name="test")
    try:
        async with servers.follower() as triage:
            event = outgoing(FeatureFlagChanged(flag=flag(SWITCH, enabled=False)), exchange=EVENTS_EXCHANGE, source="x")
            await publisher.publish(event)

            async def dead() -> int:
                async with channel(servers.broker.amqp_url) as opened:
                    found = await opened.declare_queue("triage.dead", passive=True)
                    return found.declaration_result.message_count or 0

            assert await eventually(dead) == 1
            assert triage.known_flags.current == {}
    finally:
        await publisher.stop()
        await purge(servers.broker.amqp_url, "triage.dead")


async def test_an_event_that_is_tried_again_comes_back_by_the_work_queue(servers: Servers) -> None:
    publisher = Publisher(servers.broker.url_for("triage"), name="test")
    switched = flag(SWITCH, version=2, enabled=False)
    event = outgoing(FeatureFlagChanged(flag=switched), exchange=RETRY_EXCHANGE, source="aiops/gateway")
    event.headers[PRINCIPAL_HEADER] = "partner:gateway"  # as the first consumer knew it
    try:
        async with servers.follower() as triage:
            await _publish_as(publisher, event, "triage.work")
            await eventually(lambda: _knows(triage, switched))
    finally:
        await publisher.stop()


async def _publish_as(publisher: Publisher, event: Any, routing_key: str) -> None:
    await publisher.publish(type(event)(event.id, event.exchange, routing_key, event.body, event.headers))


async def _knows(runtime: Runtime, wanted: FeatureFlag) -> bool:
    return runtime.known_flags.current.get(wanted.key) == wanted
