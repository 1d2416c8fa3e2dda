"""Composition root of the gateway: the only place that wires."""

import re
from functools import partial
from typing import TypeVar

import typer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from aiops_common.cli import WRONG_USAGE
from aiops_common.health import component_app, health_routes
from aiops_common.messaging.deadletter import DeadLetters
from aiops_common.messaging.requests import Requester
from aiops_common.postgres import Pool
from aiops_common.retention import Retention
from aiops_common.runtime import Runtime
from aiops_common.sealing import Keyring
from aiops_common.telemetry import is_tracing
from aiops_gateway import graphiql
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.consumers import event_handlers, request_handlers
from aiops_gateway.domain.rates import Rate
from aiops_gateway.graphql.context import UseCases
from aiops_gateway.graphql.endpoint import Endpoint
from aiops_gateway.graphql.persisted import InvalidOperations
from aiops_gateway.graphql.schema import Schema, build_schema
from aiops_gateway.headers import SecurityHeaders, cross_origin
from aiops_gateway.jwks import JWKS_PATH, jwks_route
from aiops_gateway.limits.admission import AdmissionControl
from aiops_gateway.limits.body import BodyLimit
from aiops_gateway.projections import Projector
from aiops_gateway.repository import acceptance, audit, llm_runs
from aiops_gateway.service.acceptance import Acceptance
from aiops_gateway.service.admission import Admission, AdmissionLimits
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.api_keys import ApiKeys
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.audit_log import AuditLog
from aiops_gateway.service.backlog import pending_jobs
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.credentials import Credentials
from aiops_gateway.service.dead_letters import DeadLetterOffice
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.feature_flags import FeatureFlags
from aiops_gateway.service.history import Histories
from aiops_gateway.service.llm_runs import LlmRuns
from aiops_gateway.service.raw_contents import RawContents
from aiops_gateway.service.reading import Reader
from aiops_gateway.service.submissions import Submissions
from aiops_gateway.service.viewers import Viewers
from aiops_gateway.service.workflow import Workflow
from aiops_gateway.settings import GatewaySettings
from aiops_gateway.tracing import HttpTracing

R = TypeVar("R", Route, WebSocketRoute)

_API = "/graphql"
_FOLLOWERS = ("auth", "changelog", "summarizer", "triage")
"""The broker users that keep feature flags."""
_FREE = frozenset({"/livez", "/readyz", "/metrics", JWKS_PATH})
"""Paths whose requests are not counted: health, metrics and public keys are for those who look after the system."""


def _use_cases(runtime: Runtime, settings: GatewaySettings) -> UseCases:
    pool, amqp_url = runtime.pool, settings.amqp_url.get_secret_value()
    requester = Requester(amqp_url, name="gateway", deadline_seconds=settings.request_seconds)
    dead_letters = DeadLetters(amqp_url, name="gateway")
    runtime.extra.extend((requester, dead_letters, *_retention(pool, settings), pending_jobs(pool)))
    verifier = TokenVerifier(issuer=settings.issuer, audience=settings.audience)
    viewers = Viewers(pool, verifier, listening=lambda: runtime.listener.connected)
    credentials, audit = Credentials(requester), Audit(pool)
    keyring = Keyring.parse(settings.content_keys)
    answers = Answers(pool, wait_seconds=settings.request_seconds)
    return UseCases(
        viewers=viewers,
        reader=Reader(pool, Changes(runtime.listener, viewers)),
        submissions=Submissions(Acceptance(pool, runtime.relay.hand_over), keyring),
        decisions=Decisions(pool, requester, credentials, viewers, answers),
        workflow=Workflow(pool, requester, answers, audit),
        api_keys=ApiKeys(pool, requester, credentials, viewers),
        audit=audit,
        audit_log=AuditLog(pool),
        dead_letters=DeadLetterOffice(dead_letters, audit, answers),
        histories=Histories(requester),
        llm_runs=LlmRuns(pool),
        raw_contents=RawContents(requester, keyring, audit),
        feature_flags=FeatureFlags(pool, audit, answers),
    )


def _retention(pool: Pool, settings: GatewaySettings) -> tuple[Retention, ...]:
    old_records = partial(audit.JOURNAL.delete_old, older_than_days=settings.audit_retention_days)
    old_keys = partial(acceptance.delete_old, older_than_days=settings.idempotency_days)
    old_runs = partial(llm_runs.JOURNAL.delete_old, older_than_days=settings.llm_runs_retention_days)
    swept = {"audit_log": old_records, "idempotency_keys": old_keys, "llm_runs": old_runs}
    return tuple(Retention(pool, what, delete_old) for what, delete_old in swept.items())


def build_app(settings: GatewaySettings) -> Starlette:
    """The whole gateway: API, projections, relay, health."""
    runtime = Runtime.build("gateway", settings)
    use_cases = _use_cases(runtime, settings)
    runtime.consume_events(event_handlers(Projector(runtime.pool)), settings)
    runtime.answer_requests(request_handlers(use_cases.feature_flags), settings, asked_by=_FOLLOWERS)
    endpoint = Endpoint(
        _schema(settings),
        use_cases,
        origins=settings.websocket_origins,
        init_seconds=settings.websocket_init_seconds,
        operations=settings.subscriptions_per_connection,
        ide=graphiql.PATH if settings.development else None,
    )
    # Work is accepted while the broker is away, so the broker is shown but not required.
    checks = dict(runtime.checks)
    broker = {"broker": checks.pop("broker")}
    app = component_app(
        [
            *health_routes(checks, {**broker, **runtime.notes}),
            jwks_route(use_cases.viewers),
            _exact(Route(_API, endpoint)),  # it refuses other methods itself, in words
            _exact(WebSocketRoute(_API, endpoint)),
            *(graphiql.routes() if settings.development else ()),
        ],
        runtime.components,
        _middleware(settings, is_traced=is_tracing()),
    )
    # Around everything, also around what answers where something is broken.
    app.middleware_stack = SecurityHeaders(app.build_middleware_stack())
    return app


def _exact(route: R) -> R:
    # Starlette's own pattern ends with $, and so has a newline after the path too.
    route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z")
    return route


def _schema(settings: GatewaySettings) -> Schema:
    try:
        return build_schema(settings)
    except InvalidOperations as error:
        # As for any other setting that cannot be: told in words, with the status of wrong usage.
        typer.echo(f"GATEWAY_PERSISTED_OPERATIONS: {error}", err=True)
        raise SystemExit(WRONG_USAGE) from None


def _middleware(settings: GatewaySettings, *, is_traced: bool) -> list[Middleware]:
    chosen = []
    if settings.cors_origins:
        chosen.append(cross_origin(settings.cors_origins))
    if settings.trusted_proxies:
        chosen.append(Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies)))
    return [
        *chosen,
        Middleware(AdmissionControl, admission=Admission(_admission_limits(settings)), free=_FREE),
        # Inside of the doorkeeper: who is turned away makes no spans, whatever flag a traceparent has.
        *([Middleware(HttpTracing, paths=[_API])] if is_traced else []),
        Middleware(
            BodyLimit,
            max_bytes=settings.max_body_bytes,
            seconds=settings.receive_seconds,
            max_held=settings.max_body_bytes_held,
        ),
    ]


def _admission_limits(settings: GatewaySettings) -> AdmissionLimits:
    seconds = settings.request_burst_seconds
    return AdmissionLimits(
        principal_requests=Rate(settings.requests_per_second, max(1.0, settings.requests_per_second * seconds)),
        address_requests=Rate(
            settings.address_requests_per_second, max(1.0, settings.address_requests_per_second * seconds)
        ),
        sign_ins=Rate(settings.sign_ins_per_minute / 60, settings.sign_in_burst),
        principal_connections=settings.connections_per_principal,
        address_connections=settings.connections_per_address,
    )
