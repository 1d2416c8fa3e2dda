"""What is seen of a service's own work: a span and a metric for its engine, and one line for a job's end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from opentelemetry import trace
from prometheus_client import Histogram

from aiops_common.llm.metrics import reason_label
from aiops_common.logging import get_logger
from aiops_common.messaging import inbox
from aiops_common.messaging.message import Delivery
from aiops_common.metrics import SECONDS, observe

_log = get_logger(__name__)
_tracer = trace.get_tracer(__name__)

ENGINE_SECONDS: Final = Histogram(
    "aiops_engine_seconds", "Time that a built-in engine took", ["engine"], buckets=SECONDS
)


class Provenance(Protocol):
    """How a result came to be: the fields of ``aiops_contracts.base.Provenance`` that are told here."""

    @property
    def engine(self) -> str:
        """A value of ``aiops_contracts.base.Engine``."""

    @property
    def degraded(self) -> bool:
        """Whether a model was to improve the result and did not."""

    @property
    def degraded_reason(self) -> str | None:
        """Why, in words."""

    @property
    def duration_ms(self) -> int:
        """What engine and model took together."""


@contextmanager
def engine(name: str, attributes: Mapping[str, int] | None = None) -> Iterator[None]:
    """The span ``engine <name>`` around a run of an engine, whose time is recorded.

    Args:
        name: one of few; it is a label of the metric.
        attributes: how much there was to do, e.g. ``aiops.lines``; never what it was.
    """
    # Not the exception either: its text may quote what was worked on.
    with _tracer.start_as_current_span(
        f"engine {name}", attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            span.set_status(trace.StatusCode.ERROR)
            span.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            observe(ENGINE_SECONDS.labels(name), time.perf_counter() - started)


def job_done(delivery: Delivery[Any], provenance: Provenance, *, is_written: bool) -> None:
    """Tell that a message has had its effect. Without ``is_written`` it had it before, and this result was dropped."""
    if not is_written:
        inbox.tell_repeated(delivery)
        return
    reason = provenance.degraded_reason
    _log.info(
        "job.done",
        message_id=delivery.id,
        message_type=delivery.message.message_type,
        principal=delivery.principal,
        attempt=delivery.attempt,
        engine=str(provenance.engine).lower(),
        degraded=provenance.degraded,
        degraded_reason=None if reason is None else reason_label(reason),
        duration_ms=provenance.duration_ms,
    )
