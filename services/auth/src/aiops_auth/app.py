"""Composition root of auth: the only place that wires."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from starlette.applications import Starlette

from aiops_auth.bootstrap import Bootstrap
from aiops_auth.consumers import request_handlers
from aiops_auth.passwords import Passwords
from aiops_auth.repository import Repository
from aiops_auth.service import AuthService, Replays
from aiops_auth.settings import AuthSettings
from aiops_auth.tokens import TokenIssuer
from aiops_common.messaging import outbox
from aiops_common.messaging.message import outgoing
from aiops_common.messaging.names import EVENTS_EXCHANGE
from aiops_common.postgres import Connection
from aiops_common.runtime import Runtime
from aiops_contracts.base import Event

SOURCE = "aiops/auth"
GATEWAY = "gateway"
"""The broker user that asks on behalf of clients."""


def build_app(settings: AuthSettings) -> Starlette:
    """The whole service."""
    runtime = Runtime.build("auth", settings)
    passwords = Passwords(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time_cost,
        parallelism=settings.argon2_parallelism,
        concurrency=settings.hash_concurrency,
    )
    repository = Repository()
    service = AuthService(
        transactions=runtime.pool.transaction,
        repository=repository,
        publish=publish,
        passwords=passwords,
        tokens=TokenIssuer(
            issuer=settings.issuer,
            audience=settings.audience,
            access_lifetime=timedelta(seconds=settings.access_token_seconds),
            refresh_lifetime=timedelta(days=settings.refresh_token_days),
            master_key=settings.master_key_bytes(),
        ),
        clock=lambda: datetime.now(UTC),
    )
    runtime.extra.append(Bootstrap(service, passwords, settings.admin_email, settings.admin_password))
    replays = Replays(transactions=runtime.pool.transaction, repository=repository)
    runtime.answer_requests(request_handlers(service, replays), settings, asked_by=GATEWAY)
    return runtime.app()


async def publish(connection: Connection, events: Sequence[tuple[Event, UUID]]) -> None:
    """Add events, each with the id of what it is about, to the outbox within the connection's transaction."""
    messages = [
        outgoing(event, exchange=EVENTS_EXCHANGE, source=SOURCE, subject=str(subject)) for event, subject in events
    ]
    await outbox.append(connection, messages)
