"""Whether a colour does its work well, by the metrics of its processes: how much fails, and how long work waits."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Metric

from aiops_common.settings import Colour

OPERATIONS = "aiops_graphql_operations_total"
PROCESSED = "aiops_messages_processed_total"
WAITED = "aiops_message_wait_seconds_bucket"
WAITING = "aiops_queue_messages"
_COUNTED = {OPERATIONS: "outcome", PROCESSED: "outcome", WAITED: "le"}
"""What is counted, and the label that tells its series of one queue apart."""

FAILED = frozenset({"error", "retried", "dead", "stuck"})
"""How an operation or a delivery ends that did not succeed; what is deferred waits for a language model."""

_LEAST_UNANSWERED = 2
_LEAST_UNDONE = 3
"""A message that is bad by itself may fail twice within seconds."""

UNWELL_LOOKS = 3
"""How often in a row a process may be unwell: one that is asked in a bad moment is not broken."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is borne. ``failing`` and ``late`` are shares; fewer than ``least`` failures or late messages are none."""

    failing: float = 0.05
    late: float = 0.1
    wait_seconds: float = 30.0
    least: int = 5


class Watch:
    """Looks again and again; the first look is what the others are compared with."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._looks = 0
        self._unread: set[str] = set()
        """Processes that were there at the first look and told nothing: the first that they tell was before."""
        self._last: dict[tuple[object, ...], float] = {}
        self._rise: dict[tuple[str, str], dict[str, float]] = {}
        """By metric and queue: how much each outcome, or each bucket, rose."""
        self._waiting: dict[str, float] = {}
        self._done: dict[str, tuple[float, float]] = {}
        """By queue: how many had been done, and since when it is as many though some wait."""
        self._unwell: dict[str, int] = {}
        self._judged: set[str] = set(Colour)
        """Whose problems count. A process that only begins is judged once it was well: a pod that moves, or that an
        autoscaler adds, says nothing of the release. Where a service has none that is well, the colour has a problem.
        """

    def look(
        self, metrics: Mapping[str, Sequence[Metric]], problems: Mapping[str, Iterable[str]], now: float
    ) -> list[str]:
        """What is not borne any more, in words; nothing where all is well.

        ``metrics`` are those of each process, none where it told none, ``problems`` what it says is wrong with it.
        ``now`` is in seconds of any steady clock.
        """
        self._waiting.clear()
        if not self._looks:
            self._unread.update(metrics)
        for name, families in metrics.items():
            self._read(name, families)
            self._unread -= {name} if families else set()
        self._looks += bool(metrics)  # one that saw nobody is none
        return [
            *dict.fromkeys(self._unwell_ones(problems)),
            *self._failing(),
            *self._late(),
            *self._standing_still(now),
        ]

    def told(self) -> str:
        """What was counted so far, in words."""
        operations, messages = self._outcomes(OPERATIONS), self._outcomes(PROCESSED)
        return (
            f"{sum(operations.values()):.0f} operations, {operations['error']:.0f} failed; "
            f"{sum(messages.values()):.0f} deliveries, {_failed(messages):.0f} failed"
        )

    def _outcomes(self, metric: str) -> dict[str, float]:
        """Of all queues together."""
        found: dict[str, float] = defaultdict(float)
        for (name, _), rise in self._rise.items():
            for outcome, value in rise.items() if name == metric else ():
                found[outcome] += value
        return found

    def _read(self, name: str, families: Sequence[Metric]) -> None:
        for family in families:
            for sample in family.samples:
                if _is_no_clients(sample.labels):
                    continue
                queue = sample.labels.get("queue", "")
                if sample.name == WAITING and not math.isnan(sample.value):
                    self._waiting[queue] = max(self._waiting.get(queue, 0.0), sample.value)
                if detail := sample.labels.get(_COUNTED.get(sample.name, "")):
                    rise = self._rise.setdefault((sample.name, queue), defaultdict(float))
                    series = (name, sample.name, *sorted(sample.labels.items()))
                    rise[detail] += self._rose(name, series, sample.value)

    def _rose(self, name: str, series: tuple[object, ...], value: float) -> float:
        before = self._last.get(series, value if name in self._unread else 0.0)
        self._last[series] = value
        # A process that was started again counts from 0.
        return value - before if value >= before else value

    def _unwell_ones(self, problems: Mapping[str, Iterable[str]]) -> list[str]:
        told = []
        for name, wrong in ((name, list(wrong)) for name, wrong in problems.items()):
            if not wrong:
                self._judged.add(name)
            self._unwell[name] = self._unwell.get(name, 0) + 1 if wrong and name in self._judged else 0
            told += wrong if self._unwell[name] >= UNWELL_LOOKS else []
        return told

    def _failing(self) -> list[str]:
        limits, told = self._limits, []
        for (metric, queue), rise in self._rise.items():
            if metric == WAITED:
                continue
            failed, total = _failed(rise), sum(rise.values())
            if failed >= limits.least and failed > limits.failing * total:
                what = f"deliveries of {queue}" if queue else "GraphQL operations"
                told.append(f"{failed:.0f} of {total:.0f} {what} failed; {limits.failing:.0%} are borne")
            elif metric == OPERATIONS and _none_answered(rise, limits):
                told.append(f"none of {total:.0f} GraphQL operations was answered")
            elif metric == PROCESSED and failed == total >= _LEAST_UNDONE:
                told.append(f"none of {total:.0f} deliveries of {queue} succeeded")
        return told

    def _late(self) -> list[str]:
        limits, told = self._limits, []
        for (metric, queue), rise in self._rise.items():
            if metric != WAITED:
                continue
            # The buckets decide what can be told apart: the largest that is not beyond the limit.
            bound = max((one for one in rise if float(one) <= limits.wait_seconds), key=float, default="+Inf")
            total = rise["+Inf"]
            late = total - rise[bound]
            if late >= limits.least and late > limits.late * total:
                told.append(f"{late:.0f} of {total:.0f} messages of {queue} had waited longer than {bound} s")
        return told

    def _standing_still(self, now: float) -> list[str]:
        told = []
        for queue in (queue for metric, queue in self._rise if metric == PROCESSED):
            done = sum(self._rise[PROCESSED, queue].values())
            before, since = self._done.get(queue, (-1.0, now))
            number = self._waiting.get(queue, 0.0)
            since = min(since, now) if done == before else now
            self._done[queue] = (done, since if number else math.inf)
            if (still := now - self._done[queue][1]) > self._limits.wait_seconds:
                told.append(f"{number:.0f} messages wait in {queue}, and none was done for {still:.0f} s")
        return told


def _is_no_clients(labels: Mapping[str, str]) -> bool:
    # What every look asks itself (deploy.bluegreen.place.PROBE) would hide that clients are not answered; where only
    # persisted operations are served, it counts as invalid.
    operation = labels.get("operation")
    return operation == "__schema" or (operation == "invalid" and labels.get("outcome") != "error")


def _none_answered(outcomes: Mapping[str, float], limits: Limits) -> bool:
    # Few are enough where nobody is served. Who waits in vain goes away in the end; so does one who closes a page.
    failed, left = outcomes["error"], outcomes["cancelled"]
    return failed + left == sum(outcomes.values()) and (failed >= _LEAST_UNANSWERED or left >= limits.least)


def _failed(outcomes: Mapping[str, float]) -> float:
    return sum(value for outcome, value in outcomes.items() if outcome in FAILED)
