"""What makes a switch be taken back, and what does not."""

from collections.abc import Mapping

import pytest
from deploy.bluegreen.watching import Limits, Watch
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from aiops_gateway.graphql.roots import INTROSPECTION, INVALID

QUEUE = "triage.work"


class Metrics:
    """The metrics of one process, under the names that the services give them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.operations = Counter("aiops_graphql_operations", "o", ["operation", "outcome"], registry=self.registry)
        self.seconds = Histogram("aiops_graphql_operation_seconds", "s", ["operation"], registry=self.registry)
        self.processed = Counter(
            "aiops_messages_processed", "p", ["queue", "message_type", "outcome"], registry=self.registry
        )
        self.waited = Histogram(
            "aiops_message_wait_seconds",
            "w",
            ["queue", "message_type"],
            registry=self.registry,
            buckets=(1, 10, 30, 60),
        )
        self.waiting = Gauge("aiops_queue_messages", "q", ["queue"], registry=self.registry)

    def operate(self, outcome: str, count: int, operation: str = "tickets") -> None:
        self.operations.labels(operation, outcome).inc(count)
        self.seconds.labels(operation).observe(0.1)

    def process(self, outcome: str, count: int) -> None:
        self.processed.labels(QUEUE, "triage.triage_ticket.v1", outcome).inc(count)

    def wait(self, seconds: float, count: int) -> None:
        for _ in range(count):
            self.waited.labels(QUEUE, "triage.triage_ticket.v1").observe(seconds)

    @property
    def told(self) -> list[Metric]:
        return list(text_string_to_metric_families(generate_latest(self.registry).decode()))


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics()
    made.operate("ok", 100)
    made.process("done", 100)
    made.wait(0.1, 100)
    return made


@pytest.fixture
def watch(metrics: Metrics) -> Watch:
    """After its first look."""
    watching = Watch(Limits(wait_seconds=30))
    assert watching.look({"one": metrics.told}, {}, 0.0) == []
    return watching


def look(watch: Watch, metrics: Metrics, now: float = 5.0) -> list[str]:
    return watch.look({"one": metrics.told}, {}, now)


def test_what_was_before_counts_for_nothing(metrics: Metrics) -> None:
    metrics.operate("error", 50)
    metrics.process("dead", 50)
    metrics.wait(45, 50)
    watch = Watch(Limits())
    assert look(watch, metrics) == look(watch, metrics) == []
    assert watch.told() == "0 operations, 0 failed; 0 deliveries, 0 failed"


def test_operations_that_fail(watch: Watch, metrics: Metrics) -> None:
    metrics.operate("ok", 94)
    metrics.operate("error", 4)
    assert look(watch, metrics) == []  # fewer than five are no trend
    metrics.operate("error", 2)
    assert look(watch, metrics) == ["6 of 100 GraphQL operations failed; 5% are borne"]


def test_a_share_that_is_borne(watch: Watch, metrics: Metrics) -> None:
    metrics.operate("ok", 95)
    metrics.operate("error", 5)
    assert look(watch, metrics) == []


@pytest.mark.parametrize(
    ("outcome", "fails"), [("retried", True), ("dead", True), ("stuck", True), ("deferred", False)]
)
def test_deliveries_that_fail(watch: Watch, metrics: Metrics, outcome: str, fails: bool) -> None:
    metrics.process("done", 30)
    metrics.process(outcome, 10)
    assert look(watch, metrics) == (["10 of 40 deliveries of triage.work failed; 5% are borne"] if fails else [])


def test_work_that_waits_longer_than_is_borne(watch: Watch, metrics: Metrics) -> None:
    metrics.wait(29, 50)
    assert look(watch, metrics) == []
    metrics.wait(31, 10)
    assert look(watch, metrics) == ["10 of 60 messages of triage.work had waited longer than 30.0 s"]


def test_a_queue_that_stands_still(watch: Watch, metrics: Metrics) -> None:
    metrics.waiting.labels(QUEUE).set(7)
    assert [look(watch, metrics, now) for now in (5.0, 20.0, 35.0)] == [[], [], []]
    assert look(watch, metrics, 36.0) == ["7 messages wait in triage.work, and none was done for 31 s"]
    metrics.process("done", 1)
    assert look(watch, metrics, 37.0) == []


def test_a_queue_of_which_nobody_knows_does_not_stand_still(watch: Watch, metrics: Metrics) -> None:
    metrics.waiting.labels(QUEUE).set(float("nan"))
    assert [look(watch, metrics, now) for now in (5.0, 50.0, 100.0)] == [[], [], []]


def test_a_process_that_was_started_again_counts_from_nothing(watch: Watch) -> None:
    again = Metrics()
    again.operate("error", 6)
    assert look(watch, again) == ["6 of 6 GraphQL operations failed; 5% are borne"]


def test_a_process_that_came_later_counts_whole(watch: Watch, metrics: Metrics) -> None:
    late = Metrics()
    late.process("dead", 6)
    assert watch.look({"one": metrics.told, "two": late.told}, {}, 5.0) == [
        "6 of 6 deliveries of triage.work failed; 5% are borne"
    ]


def test_a_process_is_unwell_when_it_is_so_three_times_in_a_row(watch: Watch, metrics: Metrics) -> None:
    def said(problems: Mapping[str, list[str]]) -> list[str]:
        return watch.look({"one": metrics.told}, problems, 5.0)

    unwell = {"one": ["one: database: away"], "two": []}
    assert [said(unwell), said(unwell), said({"one": [], "two": []}), said(unwell), said(unwell)] == [[]] * 5
    assert said(unwell) == ["one: database: away"]


def test_few_operations_of_which_none_was_answered(watch: Watch, metrics: Metrics) -> None:
    metrics.operate("error", 1)
    assert look(watch, metrics) == []
    metrics.operate("error", 1)
    assert look(watch, metrics) == ["none of 2 GraphQL operations was answered"]
    metrics.operate("ok", 1)
    assert look(watch, metrics) == []


def test_what_the_watch_itself_asks_is_no_answer_to_a_client(watch: Watch, metrics: Metrics) -> None:
    metrics.operate("ok", 90, INTROSPECTION)
    metrics.operate("error", 1, INTROSPECTION)  # the look that asked knows it
    metrics.operate("user_error", 90, INVALID.field)  # where clients may send nothing but persisted operations
    assert look(watch, metrics) == []
    assert watch.told().startswith("0 operations, 0 failed")
    metrics.operate("error", 1)
    metrics.operate("error", 1, INVALID.field)
    assert look(watch, metrics) == ["none of 2 GraphQL operations was answered"]


def test_few_deliveries_of_which_none_succeeded(watch: Watch, metrics: Metrics) -> None:
    metrics.process("retried", 1)
    metrics.process("dead", 1)
    assert look(watch, metrics) == []
    metrics.process("retried", 1)
    assert look(watch, metrics) == ["none of 3 deliveries of triage.work succeeded"]
    metrics.process("done", 1)
    assert look(watch, metrics) == []


def test_clients_that_wait_in_vain(watch: Watch, metrics: Metrics) -> None:
    metrics.operate("cancelled", 4)
    assert look(watch, metrics) == []
    metrics.operate("cancelled", 1)
    assert look(watch, metrics) == ["none of 5 GraphQL operations was answered"]


def test_what_could_not_be_read_at_first_counts_from_when_it_could(metrics: Metrics) -> None:
    watch = Watch(Limits())
    metrics.operate("error", 50)
    assert watch.look({}, {"green": ["no answer"]}, 0.0) == []
    assert watch.look({"one": []}, {}, 1.0) == []
    assert look(watch, metrics) == []
    metrics.operate("error", 6)
    assert look(watch, metrics) == ["6 of 6 GraphQL operations failed; 5% are borne"]


def test_a_process_that_only_begins_is_not_judged_until_it_was_well(watch: Watch, metrics: Metrics) -> None:
    def said(*problems: str) -> list[str]:
        return watch.look({"one": metrics.told}, {"new": problems}, 5.0)

    assert [said("new does not answer") for _ in range(10)] == [[]] * 10
    assert said() == []
    assert [said("away") for _ in range(3)] == [[], [], ["away"]]
