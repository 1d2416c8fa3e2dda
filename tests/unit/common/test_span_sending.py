"""The queue between who ends spans and who sends them: bounded, counted, and nobody waits for it."""

import threading
from collections.abc import Sequence
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY

from aiops_common.telemetry.sending import Bounds, SpanSender
from aiops_common.telemetry.span import RecordedSpan
from unit.common.recorded_spans import Recorded

DEADLINE = 30.0
MOST_WAITING, MOST_AT_ONCE = Bounds().waiting, Bounds().at_once


def _spans(count: int) -> list[RecordedSpan]:
    recorded = Recorded()
    for _ in range(count):
        recorded.tracer.start_span("sell").end()
    return recorded.ended


def _counted(name: str) -> dict[str, int]:
    values = {
        outcome: REGISTRY.get_sample_value("aiops_spans_exported_total", {"exporter": name, "outcome": outcome})
        for outcome in ("sent", "dropped", "failed")
    }
    return {outcome: int(value or 0) for outcome, value in values.items()}


class Destination:
    """Takes batches once it is open; ``asked`` says that one came."""

    def __init__(self, *, answer: bool = True, is_open: bool = True) -> None:
        self.answer = answer
        self.batches: list[int] = []
        self.asked = threading.Event()
        self.opened = threading.Event()
        if is_open:
            self.opened.set()

    def encode(self, span: RecordedSpan) -> bytes:
        return span.name.encode()

    def send(self, encoded: Sequence[bytes]) -> str | None:
        self.asked.set()
        assert self.opened.wait(DEADLINE)
        self.batches.append(len(encoded))
        return None if self.answer else "no"


def _sender(destination: Destination) -> tuple[str, SpanSender]:
    name = str(uuid4())
    return name, SpanSender(name, destination)


def test_all_spans_are_sent_in_batches() -> None:
    destination = Destination()
    name, sender = _sender(destination)
    for span in _spans(2 * MOST_AT_ONCE + 1):
        sender.take(span)
    sender.end(DEADLINE)
    sender.wait()
    assert sum(destination.batches) == 2 * MOST_AT_ONCE + 1
    assert max(destination.batches) <= MOST_AT_ONCE
    assert _counted(name) == {"sent": 2 * MOST_AT_ONCE + 1, "dropped": 0, "failed": 0}


def test_what_nobody_takes_is_dropped_and_counted() -> None:
    destination = Destination(is_open=False)
    name, sender = _sender(destination)
    (span,) = _spans(1)
    sender.take(span)
    assert destination.asked.wait(DEADLINE)
    for _ in range(MOST_WAITING + 100):
        sender.take(span)
    destination.opened.set()
    sender.end(DEADLINE)
    sender.wait()
    assert _counted(name) == {"sent": 1 + MOST_WAITING, "dropped": 100, "failed": 0}


def test_a_destination_that_never_answers_is_not_waited_for() -> None:
    destination = Destination(is_open=False)
    _, sender = _sender(destination)
    for span in _spans(10):
        sender.take(span)
    assert destination.asked.wait(DEADLINE)
    sender.end(0.0)
    sender.wait()
    assert destination.batches == [], "and here we are"
    destination.opened.set()


def test_what_is_left_when_the_time_is_up_counts_as_dropped() -> None:
    destination = Destination(is_open=False)
    name, sender = _sender(destination)
    (span,) = _spans(1)
    sender.take(span)
    assert destination.asked.wait(DEADLINE)
    for _ in range(5):
        sender.take(span)
    sender.end(0.0)
    destination.opened.set()
    sender._thread.join(DEADLINE)
    assert _counted(name) == {"sent": 1, "dropped": 5, "failed": 0}


def test_spans_that_are_not_taken_count_as_failed() -> None:
    destination = Destination(answer=False)
    name, sender = _sender(destination)
    for span in _spans(3):
        sender.take(span)
    sender.end(DEADLINE)
    sender.wait()
    assert _counted(name)["failed"] == 3


class Broken(Destination):
    """Fails at the first batch, and at whatever is called "odd"."""

    def encode(self, span: RecordedSpan) -> bytes:
        if span.name == "odd":
            raise ValueError("what a client wrote")
        return super().encode(span)

    def send(self, encoded: Sequence[bytes]) -> str | None:
        if not self.asked.is_set():
            self.asked.set()
            raise RuntimeError("what a client wrote")
        return super().send(encoded)


def test_an_exporter_that_breaks_does_not_end_exporting() -> None:
    destination = Broken()
    name, sender = _sender(destination)
    sender.take(_spans(1)[0])
    assert destination.asked.wait(DEADLINE)
    sender.take(_spans(1)[0])
    sender.end(DEADLINE)
    sender.wait()
    assert _counted(name) == {"sent": 1, "dropped": 0, "failed": 1}


def test_whoever_ends_a_span_that_cannot_be_encoded_does_not_notice() -> None:
    destination = Broken()
    name, sender = _sender(destination)
    (span,) = _spans(1)
    span.name = "odd"
    sender.take(span)
    sender.end(DEADLINE)
    sender.wait()
    assert _counted(name) == {"sent": 0, "dropped": 0, "failed": 1}


def test_the_standard_variables_hold() -> None:
    given = {"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    assert Bounds.of(given) == Bounds(10, 5, 0.05)
    assert Bounds.of({"OTEL_BSP_MAX_QUEUE_SIZE": ""}) == Bounds()


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_variable_that_is_no_number_is_told_by_name(value: str) -> None:
    with pytest.raises(ValueError, match=f"OTEL_BSP_MAX_QUEUE_SIZE is '{value}'"):
        Bounds.of({"OTEL_BSP_MAX_QUEUE_SIZE": value})
