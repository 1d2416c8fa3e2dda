"""A real Prometheus with our configuration and rules, looking at a real stack."""

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from aiops_local.choices import ports
from support.alerts import Alert, alerts, entries, queries
from support.broker_control import rabbitmqctl
from support.collector import collector
from support.eventually import eventually
from support.jaeger import jaeger_of
from support.lone_gateway import free_port
from support.prometheus import Prometheus, programs, prometheus
from support.promql import named
from support.servers import SERVICES
from support.stack import RunningStack

# The first of the tests starts the stack.
pytestmark = pytest.mark.timeout(300)

# What is only there once it has happened, which it has not on a stack where all is well.
_RARE = {
    'aiops_graphql_operations_total{outcome="error"}',
    'aiops_llm_calls_total{outcome!="answered"}',
    'aiops_results_total{degraded="true"}',
    'aiops_sign_ins_total{outcome="overloaded"}',
    'aiops_sign_ins_total{outcome=~"bad_credentials|locked"}',
    'aiops_spans_exported_total{outcome=~"dropped|failed"}',
    "otelcol_exporter_send_failed_spans_total",
}


async def expose_broker(stack: RunningStack) -> str:
    """Host and port of the broker's own metrics, as RabbitMQ's image has them without being asked."""
    port = free_port()
    listening = f'[{{port, {port}}}, {{ip, "127.0.0.1"}}]'
    # Persistent, because loading the plugin would bring its defaults back.
    setting = f"application:set_env(rabbitmq_prometheus, tcp_config, {listening}, [{{persistent, true}}])."
    await rabbitmqctl(stack, "eval", setting)
    plugins = stack.stack.layout.rabbitmq / "enabled_plugins"
    await asyncio.to_thread(plugins.write_text, "[rabbitmq_management,rabbitmq_prometheus].\n")
    await rabbitmqctl(stack, "eval", f'rabbit_plugins:ensure("{plugins}").')
    return f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
async def observed(stack: RunningStack) -> AsyncIterator[Prometheus]:
    """Prometheus, once it has seen everything twice."""
    programs()
    jaeger_of(stack)
    chosen = ports(stack.stack.layout.ports)
    addresses = {name: [f"127.0.0.1:{URL(stack.stack.services.url(name)).port}"] for name in SERVICES}
    addresses |= {
        "rabbitmq:15692": [await expose_broker(stack)],
        "jaeger:8888": [f"127.0.0.1:{chosen['jaeger:metrics']}"],
    }
    with collector(f"127.0.0.1:{chosen['jaeger:otlp-grpc']}") as forwarder:
        addresses["otel-collector:8888"] = [forwarder.metrics]
        with prometheus(addresses) as server:

            async def seen_twice() -> bool:
                seen = await server.query("min(count_over_time(up[1m]))")
                return bool(seen) and float(seen[0]["value"][1]) >= 2

            await eventually(seen_twice, seconds=60)
            yield server


async def test_every_target_is_there_and_up(observed: Prometheus) -> None:
    targets = await observed.targets()
    assert {job for job, _ in targets} == {
        *SERVICES, "rabbitmq", "rabbitmq-queues", "otel-collector", "jaeger", "prometheus",
    }  # fmt: skip
    assert set(targets.values()) == {"up"}, targets


async def test_rules_are_loaded_and_can_be_evaluated(observed: Prometheus) -> None:
    async def evaluated() -> dict[str, str]:
        rules = [rule for group in (await observed.get("rules"))["groups"] for rule in group["rules"]]
        known = {rule["name"]: rule["health"] + rule.get("lastError", "") for rule in rules}
        return known if "unknown" not in known.values() else {}

    assert await eventually(evaluated) == dict.fromkeys(alerts(), "ok")


@pytest.mark.parametrize("alert", alerts().values(), ids=alerts())
async def test_a_stack_where_all_is_well_sets_nothing_off(observed: Prometheus, alert: Alert) -> None:
    async def quiet() -> bool:
        # Whatever everything waited for while it started falls out of the windows.
        return await observed.query(alert.expr) == []

    await eventually(quiet, seconds=60, every=1)


@pytest.mark.parametrize("alert", alerts().values(), ids=alerts())
async def test_what_an_alert_looks_at_is_there(observed: Prometheus, alert: Alert) -> None:
    for metric in named(alert.expr).metrics:
        selectors = {"".join(found) for found in re.findall(rf"\b({metric})\b({{[^}}]*}})?", alert.expr)}
        for selector in selectors - _RARE:
            assert await observed.query(f"count({selector})"), f"nothing is exposed as {selector}"


@pytest.mark.parametrize("entry", [name for name, text in entries().items() if queries(text)])
async def test_queries_in_the_runbook_can_be_asked(observed: Prometheus, entry: str) -> None:
    for query in queries(entries()[entry]):
        await observed.query(query)


async def test_an_exemplar_leads_to_its_trace_in_jaeger(observed: Prometheus, stack: RunningStack) -> None:
    now = time.time()

    async def exemplars() -> set[str]:
        histogram = 'aiops_graphql_operation_seconds_bucket{operation="triageTicket"}'
        found = await observed.get("query_exemplars", query=histogram, start=str(now - 600), end=str(now + 60))
        return {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}

    trace_id = next(iter(await eventually(exemplars)))
    jaeger = jaeger_of(stack)
    spans = await eventually(lambda: jaeger.trace(trace_id))
    assert "mutation triageTicket" in {span.name for span in spans}
