"""The parts that every service is made of, put together once."""

import asyncio
import importlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from starlette.applications import Starlette

from aiops_common.colours import Turn
from aiops_common.flags import FlagOwner, Flags, KnownFlags, Learning
from aiops_common.gated import Gated
from aiops_common.health import Check, component_app, health_routes
from aiops_common.lifecycle import Component
from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.names import RETRY_RUNGS, dead_queue, events_queue, requests_queue, retry_queue, work_queue
from aiops_common.messaging.outbox_backlog import outbox_backlog
from aiops_common.messaging.publisher import Publisher
from aiops_common.messaging.queue_depths import QueueDepths
from aiops_common.messaging.relay import DAY, OutboxRelay
from aiops_common.messaging.requests import Requester, RequestHandler, Responder
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.messaging.worker import Worker
from aiops_common.postgres import Listener, Pool
from aiops_common.postgres.exposed import ExposedTables
from aiops_common.postgres.schema_version import Needs, misfit
from aiops_common.process_metrics import LoopLag, set_build
from aiops_common.settings import ServiceSettings


@cache
def _needs(package: str) -> Needs:
    # Alembic takes a second and 30 MB to import; asked once, not before the process serves, and beside the event loop.
    needs: Needs = importlib.import_module("aiops_common.postgres.revisions").needs(package)
    return needs


async def _misfit(pool: Pool, name: str) -> str | None:
    needs = await asyncio.to_thread(_needs, f"aiops_{name}")
    async with pool.connection() as connection:
        return await misfit(connection, needs)


async def _no_work_yet(schema: Check, turn: Turn) -> str | None:
    # What is taken from a queue while the schema is too old, or contracted, would only spend its attempts.
    return await schema() or await turn.look()


async def _colour(turn: Turn, intake: Gated) -> str | None:
    told = turn.told()
    return told and f"{'finishing' if intake.runs else 'idle'}: {told}"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Connections, relay and consumer of one process, in the order in which they start."""

    name: str
    pool: Pool
    relay_pool: Pool
    listener: Listener
    publisher: Publisher
    relay: OutboxRelay
    worker: Worker
    turn: Turn
    intake: Gated
    """The worker, which runs while the schema fits and it is this process's turn."""
    schema: Check
    depths: QueueDepths
    known_flags: KnownFlags
    flags: Flags
    followed: dict[str, Handler] = field(default_factory=dict)
    """What is done about events of which this service keeps what they tell."""
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
        known_flags = KnownFlags(pool, listener, schema=name)
        worker, turn, schema = Worker(amqp_url, name=name), Turn(pool, settings.colour), partial(_misfit, pool, name)
        intake = Gated(worker, partial(_no_work_yet, schema, turn), name="worker")
        turn.follow(listener, name, intake.ask_now)
        # A claim or mark that a crash loses only sends a message once more.
        relay_pool = Pool(database_url, max_size=2, name=f"aiops-{name}-relay", durable=False)
        return cls(
            name=name,
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
            worker=worker,
            turn=turn,
            intake=intake,
            schema=schema,
            depths=QueueDepths(amqp_url, name=name),
            known_flags=known_flags,
            flags=Flags(known_flags),
            notes={"colour": partial(_colour, turn, intake)} if settings.colour else {},
        )

    @property
    def components(self) -> list[Component]:
        """Everything that starts and stops, in order: what takes in work comes last and stops first."""
        databases: list[Component] = [self.pool, ExposedTables(self.pool), self.relay_pool]
        looks: list[Component] = [outbox_backlog(self.relay_pool), self.depths, LoopLag()]
        flags: list[Component] = [self.listener, self.known_flags]
        return [*databases, self.publisher, self.relay, *flags, *looks, *self.extra, self.intake]

    @property
    def checks(self) -> dict[str, Check]:
        """Readiness: the database answers, its schema fits this release, and the queues are being consumed, where it is
        this process's turn."""
        return {"database": self._database, "schema": self.schema, "broker": self._broker}

    def consume_commands(
        self, handlers: Mapping[str, Handler], settings: ServiceSettings, *, speaks_for_others: str
    ) -> None:
        """Process the work queue of this service; the user ``speaks_for_others`` may name the principal."""
        # An event that is tried again comes back by this queue.
        every = {**handlers, **self.followed}
        self._consume(work_queue(self.name), every, settings, frozenset({speaks_for_others, self.name}))

    def follow_flags(self, owner: FlagOwner, settings: ServiceSettings) -> None:
        """Keep the flags that ``owner`` decides: by its events, and by asking once. To be called before
        ``consume_commands``."""
        requester = Requester(settings.amqp_url.get_secret_value(), name=f"{self.name}.flags")
        learning = Learning(self.pool, requester, owner, principal=f"service:{self.name}")
        self.extra.append(learning)
        self.followed[owner.changed.message_type] = Handler(owner.changed, learning.take)
        self.consume_events(self.followed, settings)

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
        self, handlers: Mapping[str, RequestHandler], settings: ServiceSettings, *, asked_by: Collection[str]
    ) -> None:
        """Answer the request queue of this service; only the users ``asked_by`` may ask."""
        responder = Responder(
            owner=self.name, handlers=handlers, publisher=self.publisher, trusted_users=frozenset(asked_by)
        )
        self.worker.subscribe(requests_queue(self.name), responder.process, prefetch=settings.prefetch)
        self.depths.watch([requests_queue(self.name)])

    def app(self) -> Starlette:
        """The HTTP side of a service that has no API: health and metrics."""
        return component_app(health_routes(self.checks, self.notes), self.components)

    async def _database(self) -> str | None:
        await self.pool.ping()
        return None

    async def _broker(self) -> str | None:
        if self.turn.is_idle:
            return None
        missing = ", ".join(self.worker.unconsumed)
        return f"not consuming {missing}: no connection to RabbitMQ, or no such queue" if missing else None
