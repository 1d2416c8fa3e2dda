"""Composition root of the gateway: the only place that wires."""

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from aiops_common.health import component_app, health_routes
from aiops_common.messaging.deadletter import DeadLetters
from aiops_common.messaging.requests import Requester
from aiops_common.runtime import Runtime
from aiops_common.telemetry import is_tracing
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.consumers import event_handlers
from aiops_gateway.graphql.context import UseCases
from aiops_gateway.graphql.endpoint import Endpoint
from aiops_gateway.graphql.schema import build_schema
from aiops_gateway.limits import BodyLimit
from aiops_gateway.projections import Projector
from aiops_gateway.service.acceptance import Acceptance
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.dead_letters import DeadLetterOffice
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.reading import Reader
from aiops_gateway.service.submissions import Submissions
from aiops_gateway.service.viewers import Viewers
from aiops_gateway.settings import GatewaySettings

_UNTRACED = "livez,readyz,metrics"


def build_app(settings: GatewaySettings) -> Starlette:
    """The whole gateway: API, projections, relay, health."""
    runtime = Runtime.build("gateway", settings)
    amqp_url = settings.amqp_url.get_secret_value()
    requester = Requester(amqp_url, name="gateway", deadline_seconds=settings.request_seconds)
    dead_letters = DeadLetters(amqp_url, name="gateway")
    runtime.extra.extend((requester, dead_letters))
    viewers = Viewers(runtime.pool, TokenVerifier(issuer=settings.issuer, audience=settings.audience))
    use_cases = UseCases(
        viewers=viewers,
        reader=Reader(runtime.pool, Changes(runtime.listener, viewers)),
        submissions=Submissions(Acceptance(runtime.pool, runtime.relay.hand_over)),
        decisions=Decisions(runtime.pool, requester, viewers),
        dead_letters=DeadLetterOffice(dead_letters, Audit(runtime.pool)),
    )
    runtime.consume_events(event_handlers(Projector(runtime.pool)), settings)
    endpoint = Endpoint(build_schema(settings), use_cases, origins=settings.websocket_origins)
    # Work is accepted while the broker is away, so the broker is shown but not required.
    checks = dict(runtime.checks)
    broker = {"broker": checks.pop("broker")}
    return component_app(
        [
            *health_routes(checks, broker),
            Route("/graphql", endpoint, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", endpoint),
        ],
        runtime.components,
        _middleware(settings),
    )


def _middleware(settings: GatewaySettings) -> list[Middleware]:
    limits = Middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if not is_tracing():  # it costs a tenth of a request even where its spans go nowhere
        return [limits]
    return [Middleware(OpenTelemetryMiddleware, excluded_urls=_UNTRACED, exclude_spans=["receive", "send"]), limits]
