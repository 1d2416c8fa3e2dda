"""The parts that every service is made of, put together once."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from starlette.applications import Starlette

from aiops_common.health import Check, component_app, health_routes
from aiops_common.lifecycle import Component
from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.names import RETRY_RUNGS, dead_queue, events_queue, requests_queue, retry_queue, work_queue
from aiops_common.messaging.outbox_backlog import outbox_backlog
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.queue_depths import QueueDepths
from aiops_common.messaging.relay import DAY, OutboxRelay
from aiops_common.messaging.requests import RequestHandler, Responder
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.messaging.worker import Worker
from aiops_common.postgres import Listener, Pool
from aiops_common.postgres.exposed import ExposedTables
from aiops_common.process_metrics import LoopLag, set_build
from aiops_common.settings import ServiceSettings


@cache
def _needed_migration(package: str) -> str:
    # Alembic takes a second and 30 MB to import; asked once, and not before the process serves.
    revision: str = importlib.import_module("aiops_common.postgres.migrate").expand_head(package)
    return revision


@dataclass(frozen=True, slots=True)
class Runtime:
    """Connections, relay and consumer of one process, in the order in which they start."""

    name: str
    package: str
    pool: Pool
    relay_pool: Pool
    listener: Listener
    publisher: Publisher
    relay: OutboxRelay
    worker: Worker
    depths: QueueDepths
    extra: list[Component] = field(default_factory=list)
    notes: dict[str, Check] = field(default_factory=dict)
    """What ``/readyz`` shows beside ``checks``, without failing for it."""

    @classmethod
    def build(cls, name: str, settings: ServiceSettings) -> "Runtime":
        """Wire the parts for the service ``name``; nothing connects yet."""
        database_url = settings.database_url.get_secret_value()
        amqp_url = settings.amqp_url.get_secret_value()
        pool = Pool(database_url, max_size=settings.database_pool_size, name=f"aiops-{name}")
        listener = Listener(database_url)
        publisher = Publisher(amqp_url, name=name)
        set_build(f"aiops-{name}")
        # A claim or mark that a crash loses only sends a message once more.
        relay_pool = Pool(database_url, max_size=2, name=f"aiops-{name}-relay", durable=False)
        return cls(
            name=name,
            package=f"aiops_{name}",
            pool=pool,
            relay_pool=relay_pool,
            listener=listener,
            publisher=publisher,
            relay=OutboxRelay(
                relay_pool,
                publisher,
                schema=name,
                listener=listener,
                retention_seconds=settings.outbox_retention_days * DAY,
            ),
            worker=Worker(amqp_url, name=name),
            depths=QueueDepths(amqp_url, name=name),
        )

    @property
    def components(self) -> list[Component]:
        """Everything that starts and stops, in order: what takes in work comes last and stops first."""
        databases: list[Component] = [self.pool, ExposedTables(self.pool), self.relay_pool]
        looks: list[Component] = [outbox_backlog(self.relay_pool), self.depths, LoopLag()]
        return [*databases, self.publisher, self.relay, self.listener, *looks, *self.extra, self.worker]

    @property
    def checks(self) -> dict[str, Check]:
        """Readiness: the database answers, its schema is new enough, and the queues are being consumed."""
        return {"database": self._database, "schema": self._schema, "broker": self._broker}

    def consume_commands(
        self, handlers: Mapping[str, Handler], settings: ServiceSettings, *, speaks_for_others: str
    ) -> None:
        """Process the work queue of this service; the user ``speaks_for_others`` may name the principal."""
        self._consume(work_queue(self.name), handlers, settings, frozenset({speaks_for_others, self.name}))

    def consume_events(self, handlers: Mapping[str, Handler], settings: ServiceSettings) -> None:
        """Process the events that this service subscribed to."""
        # Nobody speaks for others in an event; only our own copies say whose event it was.
        self._consume(events_queue(self.name), handlers, settings, frozenset({self.name}))

    def _consume(
        self, queue: str, handlers: Mapping[str, Handler], settings: ServiceSettings, trusted: frozenset[str]
    ) -> None:
        consumer = Consumer(
            owner=self.name,
            queue=queue,
            handlers=handlers,
            publisher=self.publisher,
            trusted_users=trusted,
            policy=RetryPolicy(settings.max_attempts, settings.deadline_seconds, settings.retry_waits),
        )
        self.worker.subscribe(queue, consumer.process, prefetch=settings.prefetch)
        self.depths.watch((queue, *(retry_queue(self.name, rung) for rung in RETRY_RUNGS), dead_queue(self.name)))

    def answer_requests(
        self, handlers: Mapping[str, RequestHandler], settings: ServiceSettings, *, asked_by: str
    ) -> None:
        """Answer the request queue of this service; only the user ``asked_by`` may ask."""
        responder = Responder(
            owner=self.name, handlers=handlers, publisher=self.publisher, trusted_users=frozenset({asked_by})
        )
        self.worker.subscribe(requests_queue(self.name), responder.process, prefetch=settings.prefetch)
        self.depths.watch([requests_queue(self.name)])

    def app(self) -> Starlette:
        """The HTTP side of a service that has no API: health and metrics."""
        return component_app(health_routes(self.checks, self.notes), self.components)

    async def _database(self) -> str | None:
        await self.pool.ping()
        return None

    async def _schema(self) -> str | None:
        needed = _needed_migration(self.package)
        async with self.pool.connection() as connection:
            applied = await connection.fetchval("SELECT to_regclass('migration_versions') IS NOT NULL")
            if applied:
                applied = await connection.fetchval("SELECT 1 FROM migration_versions WHERE revision = $1", needed)
        return None if applied else f"migration {needed} is missing: run python -m {self.package} migrate"

    async def _broker(self) -> str | None:
        missing = ", ".join(self.worker.unconsumed)
        return f"not consuming {missing}: no connection to RabbitMQ, or no such queue" if missing else None
