"""From the thread that ended a span to where it goes: a bounded queue, a thread, and no waiting anywhere."""

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from aiops_common.logging import get_logger
from aiops_common.outage import Outage
from aiops_common.telemetry.metrics import SPANS
from aiops_common.telemetry.span import RecordedSpan


class Exporter(Protocol):
    """Where spans go."""

    def encode(self, span: RecordedSpan) -> bytes:
        """``span`` as it will be sent; takes microseconds."""

    def send(self, encoded: Sequence[bytes]) -> str | None:
        """Send such spans; says in a word or two why they were not taken. May take as long as it likes."""


SHUTDOWN_SECONDS: Final = 2.0
"""What ending may cost a process whose collector does not answer."""

_VARIABLES: Final = {
    "waiting": "OTEL_BSP_MAX_QUEUE_SIZE",
    "at_once": "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "pause": "OTEL_BSP_SCHEDULE_DELAY",
}

_log = get_logger(__name__)


@dataclass(frozen=True)
class Bounds:
    """How many spans may wait (some 500 bytes each), how many are sent at once, and how often in seconds."""

    waiting: int = 8192
    at_once: int = 512
    pause: float = 0.5

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Bounds":
        """As the standard variables have it: OTEL_BSP_MAX_QUEUE_SIZE, _MAX_EXPORT_BATCH_SIZE and _SCHEDULE_DELAY (ms).

        Raises ValueError, which names the variable, for what is no positive whole number.
        """
        given = {name: _positive(environment, variable) for name, variable in _VARIABLES.items()}
        return cls(
            waiting=given["waiting"] or cls.waiting,
            at_once=given["at_once"] or cls.at_once,
            pause=given["pause"] / 1000 or cls.pause,
        )


def _positive(environment: Mapping[str, str], variable: str) -> int:
    value = environment.get(variable, "").strip()
    if not value:
        return 0
    if not value.isdecimal() or int(value) == 0:
        raise ValueError(f"{variable} is {value!r}: give a whole number above 0, or unset it")
    return int(value)


class SpanSender:
    """Encodes spans at once and sends them in a thread of its own.

    What waits is bytes: thousands of objects would make every garbage collection longer, and a thread that encodes
    would fight for the interpreter with the one that answers requests; each costs more than the encoding does. Where
    as many wait as ``bounds`` allow, the newest are dropped and counted.
    """

    def __init__(self, name: str, exporter: Exporter, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._most_waiting = self._bounds.waiting
        self._name = name
        self._waiting: deque[bytes] = deque()
        self._exporter = exporter
        self._ending = threading.Event()
        self._deadline = float("inf")
        self._outage = Outage()
        self._counters = {outcome: SPANS.labels(name, outcome) for outcome in ("sent", "dropped", "failed")}
        # A daemon, so that a collector that never answers cannot keep the process.
        self._thread = threading.Thread(target=self._run, name=f"spans-{name}", daemon=True)
        self._thread.start()

    def take(self, span: RecordedSpan) -> None:
        """Of any thread: never waits and never raises."""
        if len(self._waiting) >= self._most_waiting:
            self._count("dropped", 1)
            return
        try:
            self._waiting.append(self._exporter.encode(span))
        except Exception as error:  # whoever ended the span has nothing to do with it
            self._lost(type(error).__name__, 1)

    def end(self, seconds: float = SHUTDOWN_SECONDS) -> None:
        """Send what waits and no more, within ``seconds`` from now; does not wait for that."""
        self._deadline = time.monotonic() + seconds
        self._ending.set()

    def wait(self) -> None:
        """Until all was sent, or until the time that ``end`` gave is up."""
        self._thread.join(max(0.0, self._deadline - time.monotonic()))

    def _run(self) -> None:
        while not self._ending.wait(self._bounds.pause):
            self._send_waiting()
        self._send_waiting()
        self._count("dropped", len(self._waiting))

    def _send_waiting(self) -> None:
        while self._waiting and time.monotonic() < self._deadline:
            batch = [self._waiting.popleft() for _ in range(min(self._bounds.at_once, len(self._waiting)))]
            self._send(batch)

    def _send(self, batch: Sequence[bytes]) -> None:
        try:
            reason = self._exporter.send(batch)
        except Exception as error:  # one batch is no reason to stop exporting
            reason = type(error).__name__
        if reason is not None:
            self._lost(reason, len(batch))
            return
        self._count("sent", len(batch))
        if (seconds := self._outage.ends()) is not None:
            _log.info("spans.sent_again", exporter=self._name, away_seconds=seconds)

    def _lost(self, reason: str, spans: int) -> None:
        self._count("failed", spans)
        if self._outage.begins():
            _log.warning("spans.lost", exporter=self._name, reason=reason)

    def _count(self, outcome: str, spans: int) -> None:
        if spans:
            self._counters[outcome].inc(spans)
