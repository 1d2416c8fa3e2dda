"""What is seen of an engine's run and of a job's end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from aiops_common import engines
from aiops_common.engines import engine, job_done
from aiops_common.messaging.message import Delivery
from aiops_contracts.base import Engine
from aiops_contracts.triage import TriageTicket
from support.metrics import Counted


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    before, engines._tracer = engines._tracer, provider.get_tracer("test")
    yield exporter
    engines._tracer = before
    provider.shutdown()


@dataclass(frozen=True)
class Told:
    engine: Engine = Engine.BUILTIN
    degraded: bool = False
    degraded_reason: str | None = None
    duration_ms: int = 12


DELIVERY = Delivery(
    id=uuid4(),
    message=TriageTicket(title="t", body="Carla cannot print"),
    principal="user:0",
    attempt=2,
    time=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_run_is_a_span_that_says_how_much_and_a_time_that_leads_to_it(spans: InMemorySpanExporter) -> None:
    counted = Counted("aiops_engine_seconds_count", engine="sort")
    with engine("sort", {"aiops.lines": 3}):
        pass
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, dict(span.attributes or {})) == (
        "engine sort",
        trace.SpanKind.INTERNAL,
        {"aiops.lines": 3},
    )
    assert counted.more == 1
    context = span.get_span_context()
    assert context is not None
    exemplars = [
        sample.exemplar.labels
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.labels.get("engine") == "sort" and sample.exemplar
    ]
    assert exemplars == [{"trace_id": f"{context.trace_id:032x}"}]


def test_a_run_that_fails_says_how_and_nothing_of_what_it_was_about(spans: InMemorySpanExporter) -> None:
    counted = Counted("aiops_engine_seconds_count", engine="sort")
    with pytest.raises(ValueError, match="Carla"), engine("sort"):
        raise ValueError("cannot sort Carla")
    (span,) = spans.get_finished_spans()
    assert (span.status.status_code, span.status.description) == (trace.StatusCode.ERROR, None)
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert span.events == ()
    assert counted.more == 1


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Told(), None),
        (Told(degraded=True, degraded_reason="timeout"), "timeout"),
        (Told(degraded=True, degraded_reason="answer rejected: it names Carla"), "answer rejected"),
    ],
)
def test_the_end_of_a_job_is_one_line(told: Told, reason: str | None) -> None:
    with capture_logs() as lines:
        job_done(DELIVERY, told, is_written=True)
    assert lines == [
        {
            "event": "job.done",
            "log_level": "info",
            "message_id": DELIVERY.id,
            "message_type": TriageTicket.message_type,
            "principal": "user:0",
            "attempt": 2,
            "engine": "builtin",
            "degraded": told.degraded,
            "degraded_reason": reason,
            "duration_ms": 12,
        }
    ]


def test_an_effect_that_was_there_is_told_as_such() -> None:
    with capture_logs() as lines:
        job_done(DELIVERY, Told(), is_written=False)
    assert lines == [
        {
            "event": "job.repeated",
            "log_level": "info",
            "message_id": DELIVERY.id,
            "message_type": TriageTicket.message_type,
            "principal": "user:0",
            "attempt": 2,
        }
    ]
