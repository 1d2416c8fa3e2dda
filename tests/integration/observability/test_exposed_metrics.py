"""What dashboards and alert rules ask for is what running services expose."""

from collections.abc import Callable, Iterable

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser

from support.dashboards import datasources, expressions
from support.declared_metrics import FROM_OTHERS, FROM_PROMETHEUS, declared, series_of
from support.promql import named
from support.servers import SERVICES
from support.stack import RunningStack

# The first of the tests starts the stack.
pytestmark = pytest.mark.timeout(300)

# The library gives it no types.
_parse: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families
_OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture(scope="module")
async def families(stack: RunningStack) -> list[Metric]:
    """What every service exposes."""
    return [family for service in SERVICES for family in await _exposed(stack, service)]


async def _exposed(stack: RunningStack, service: str) -> list[Metric]:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        response = await http.get(f"{stack.stack.services.url(service)}/metrics", headers={"Accept": _OPENMETRICS})
    assert response.headers["Content-Type"].startswith("application/openmetrics-text"), service
    return list(_parse(response.text))


def test_every_metric_that_is_asked_for_is_exposed(families: list[Metric]) -> None:
    exposed = set(FROM_PROMETHEUS).union(*(series_of(family.name, family.type, ()) for family in families))
    missing = {
        f"{where}: no service exposes {metric}"
        for where, expr in expressions()
        for metric in named(expr).metrics.keys() - exposed
        if not metric.startswith(FROM_OTHERS)
    }
    assert not missing, "\n".join(sorted(missing))


def test_what_is_exposed_has_the_labels_that_the_code_declares(families: list[Metric]) -> None:
    # So that the labels which expressions use, checked against the code where a series is not there yet, are real.
    series = {name: labels for metric in declared().values() for name, labels in metric.series.items()}
    samples = [sample for family in families for sample in family.samples if sample.name in series]
    assert len({sample.name for sample in samples}) > len(series) / 2
    wrong = {
        f"{sample.name}: {sorted(sample.labels)}" for sample in samples if set(sample.labels) != series[sample.name]
    }
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize(
    "timed", ["aiops_graphql_operation_seconds", "aiops_message_process_seconds", "aiops_llm_call_seconds"]
)
def test_a_latency_leads_to_a_trace(families: list[Metric], timed: str) -> None:
    (destination,) = datasources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    samples = [sample for family in families if family.name == timed for sample in family.samples]
    exemplars = [sample.exemplar for sample in samples if sample.exemplar]
    assert exemplars
    assert all(set(one.labels) == {destination["name"]} and len(one.labels["trace_id"]) == 32 for one in exemplars)
