"""Composition root of auth: the only place that wires."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from starlette.applications import Starlette

from aiops_auth.api_key_secrets import ApiKeySecrets
from aiops_auth.bootstrap import Bootstrap
from aiops_auth.consumers import request_handlers
from aiops_auth.passwords import Passwords
from aiops_auth.repository import (
    ApiKeyRepository,
    CredentialKeyRepository,
    Repository,
    SecurityEventRepository,
    SigningKeyRepository,
)
from aiops_auth.service import (
    ApiKeys,
    Credentials,
    ExpiredSessions,
    KeyRing,
    Means,
    Replays,
    SecurityEvents,
    Sessions,
    Transactions,
    ensure_first_admin,
)
from aiops_auth.settings import AuthSettings
from aiops_auth.tokens import CredentialCipher, TokenIssuer
from aiops_auth.upkeep import Upkeep
from aiops_common.flags import FlagOwner
from aiops_common.messaging import outbox
from aiops_common.messaging.message import outgoing
from aiops_common.messaging.names import EVENTS_EXCHANGE
from aiops_common.postgres import Connection
from aiops_common.runtime import Runtime
from aiops_contracts.base import Event
from aiops_contracts.gateway import FeatureFlagChanged, ReplayedFeatureFlags, ReplayFeatureFlags

SOURCE = "aiops/auth"
GATEWAY = "gateway"
"""The broker user that asks on behalf of clients."""

FLAGS = FlagOwner(GATEWAY, FeatureFlagChanged, ReplayFeatureFlags, ReplayedFeatureFlags)


def build_app(settings: AuthSettings) -> Starlette:
    """The whole service."""
    runtime = Runtime.build("auth", settings)
    passwords = Passwords(
        memory_kib=settings.argon2_memory_kib,
        time_cost=settings.argon2_time_cost,
        parallelism=settings.argon2_parallelism,
        concurrency=settings.hash_concurrency,
        most_waiting=settings.hash_queue,
    )
    repository = Repository()
    keys = key_ring(settings, runtime.pool.transaction)
    means = Means(
        transactions=runtime.pool.transaction,
        repository=repository,
        publish=publish,
        passwords=passwords,
        sessions=Sessions(repository, keys.tokens, keys),
        credentials=keys.credentials,
        events=keys.security_events,
        clock=now,
    )
    api_keys = ApiKeys(
        transactions=runtime.pool.transaction,
        repository=ApiKeyRepository(),
        accounts=repository,
        publish=publish,
        secrets=ApiKeySecrets(settings.master_key_bytes()),
        credentials=keys.credentials,
        security_events=keys.security_events,
        clock=now,
    )
    sessions = ExpiredSessions(runtime.pool.transaction, repository, now)
    rotation_age = timedelta(days=settings.key_rotation_days) if settings.key_rotation_days else None
    runtime.extra.append(Bootstrap(_first_steps(settings, means, keys), passwords))
    runtime.extra.append(Upkeep(keys, api_keys, sessions, rotation_age=rotation_age))
    replays = Replays(transactions=runtime.pool.transaction, repository=repository)
    runtime.follow_flags(FLAGS, settings)
    runtime.answer_requests(request_handlers(means, api_keys, replays), settings, asked_by={GATEWAY})
    return runtime.app()


def _first_steps(settings: AuthSettings, means: Means, keys: KeyRing) -> list[Callable[[], Awaitable[None]]]:
    steps: list[Callable[[], Awaitable[None]]] = [keys.ensure, means.credentials.ensure_key]
    if settings.admin_email and settings.admin_password:
        password = settings.admin_password.get_secret_value()
        steps.append(partial(ensure_first_admin, means, settings.admin_email, password))
    return steps


def key_ring(settings: AuthSettings, transactions: Transactions) -> KeyRing:
    """The keys of auth, and those who need them to be there: credentials and the audit log."""
    security_events = SecurityEvents(repository=SecurityEventRepository(), publish=publish, clock=now)
    return KeyRing(
        transactions=transactions,
        repository=SigningKeyRepository(),
        publish=publish,
        tokens=TokenIssuer(
            issuer=settings.issuer,
            audience=settings.audience,
            access_lifetime=timedelta(seconds=settings.access_token_seconds),
            refresh_lifetime=timedelta(days=settings.refresh_token_days),
            master_key=settings.master_key_bytes(),
        ),
        credentials=Credentials(
            transactions=transactions,
            repository=CredentialKeyRepository(),
            cipher=CredentialCipher(settings.master_key_bytes()),
            clock=now,
        ),
        security_events=security_events,
        clock=now,
        lead=timedelta(seconds=settings.key_lead_seconds),
    )


def now() -> datetime:
    """The time, aware and in UTC."""
    return datetime.now(UTC)


async def publish(connection: Connection, events: Sequence[tuple[Event, UUID]]) -> None:
    """Add events, each with the id of what it is about, to the outbox within the connection's transaction."""
    messages = [
        outgoing(event, exchange=EVENTS_EXCHANGE, source=SOURCE, subject=str(subject)) for event, subject in events
    ]
    await outbox.append(connection, messages)
