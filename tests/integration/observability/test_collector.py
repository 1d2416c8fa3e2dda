"""Spans on their way through the collector to a Jaeger."""

import re
import secrets
import time
from collections.abc import Iterator

import httpx
import pytest

from aiops_local.choices import ports
from aiops_local.jaeger import JaegerServer
from aiops_local.layout import Layout
from aiops_local.spans import Span
from support.alerts import alerts
from support.collector import Collector, collector
from support.eventually import eventually
from support.jaeger import Jaeger
from support.promql import named
from support.servers import state_directory

PERSONAL = {
    "client.address": "203.0.113.9",
    "network.peer.address": "203.0.113.9",
    "enduser.id": "somebody@example.com",
    "user.email": "somebody@example.com",
    "user_agent.original": "curl/8",
    "url.full": "https://example.com/?token=t",
    "url.query": "token=t",
    "http.target": "/?token=t",
    "http.request.header.cookie": "session=s",
    "db.statement": "SELECT 'somebody'",
    "db.query.text": "SELECT 'somebody'",
    "db.query.parameter.0": "somebody",
    "graphql.document": "{ me }",
    "gen_ai.input.messages": "hello",
    "gen_ai.output.messages": "hello",
    "gen_ai.system_instructions": "be kind",
    "gen_ai.tool.call.arguments": "{}",
}
WANTED = {
    "http.route": "/graphql",
    "url.scheme": "http",
    "server.address": "postgres",
    "db.query.summary": "INSERT tickets",
    "messaging.destination.name": "aiops.commands",
    "gen_ai.usage.input_tokens": "4",
    "gen_ai.request.model": "small",
}


def span(trace_id: str, **attributes: str) -> Span:
    """The only span of a trace."""
    now = time.time_ns()
    return Span(
        trace_id=trace_id, span_id=secrets.token_hex(8), parent_id=None, service="partner", name="hand in",
        kind="CLIENT", start_ns=now, end_ns=now + 1000, status="UNSET", attributes=attributes,
    )  # fmt: skip


@pytest.fixture
def jaeger_server() -> Iterator[tuple[JaegerServer, int]]:
    """A Jaeger that is not started yet, and the port where it will take OTLP over gRPC."""
    with state_directory() as state:
        server = JaegerServer(state)
        try:
            yield server, ports(Layout.of(state).ports)["jaeger:otlp-grpc"]
        finally:
            # It keeps nothing, and one that traces its own queries would try for ten seconds to send those traces.
            server.kill()


@pytest.fixture
def in_between(jaeger_server: tuple[JaegerServer, int]) -> Iterator[Collector]:
    """A collector before that Jaeger."""
    with collector(f"127.0.0.1:{jaeger_server[1]}") as running:
        yield running


async def test_spans_outlast_a_jaeger_that_is_away_and_leave_personal_data_behind(
    in_between: Collector, jaeger_server: tuple[JaegerServer, int]
) -> None:
    server, _ = jaeger_server
    jaeger = Jaeger(server.url, in_between.otlp)
    trace_id = secrets.token_hex(16)
    await jaeger.send("partner", span(trace_id, **PERSONAL, **WANTED))
    server.start()
    (arrived,) = await eventually(lambda: jaeger.trace(trace_id), seconds=60)
    assert arrived.name == "hand in"
    assert {name: arrived.attributes[name] for name in WANTED} == WANTED
    assert not PERSONAL.keys() & arrived.attributes.keys()


async def test_the_collector_has_the_metrics_that_alerts_ask_for(
    in_between: Collector, jaeger_server: tuple[JaegerServer, int]
) -> None:
    server, _ = jaeger_server
    server.start()
    await Jaeger(server.url, in_between.otlp).send("partner", span(secrets.token_hex(16)))
    asked = {name for alert in alerts().values() for name in named(alert.expr).metrics if name.startswith("otelcol_")}
    assert asked

    async def has_all() -> bool:
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            text = (await http.get(f"http://{in_between.metrics}/metrics")).text
        return asked <= set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))

    await eventually(has_all)
