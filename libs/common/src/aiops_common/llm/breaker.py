"""A circuit breaker for coroutines around pybreaker's counting and states.

pybreaker itself cannot guard a coroutine: decorating ``async def`` times the making of the coroutine, ``call_async``
needs tornado, and ``calling()`` lets every caller through at half-open and counts a cancellation as a failure. So a
call is let in by the gate, awaited outside of pybreaker, and its outcome reported afterwards.
"""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pybreaker

from aiops_common.llm.metrics import BREAKER_STATE
from aiops_common.llm.port import ModelUnavailable
from aiops_common.logging import get_logger

_log = get_logger(__name__)

T = TypeVar("T")

_LONGEST_HINT = 600.0
_STATE_VALUES = {pybreaker.STATE_CLOSED: 0, pybreaker.STATE_HALF_OPEN: 1, pybreaker.STATE_OPEN: 2}


class Outage(ModelUnavailable):
    """The service itself fails: no connection, no answer in time, 429 or 5xx. Only these count.

    Everything else, a refusal or an answer that breaks the schema included, shows that the service answers: it
    counts as a success, so that one bad prompt cannot take the model away from all others.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason, retry_after=retry_after, passing=True)


class Breaker:
    """Guards ``model`` at ``provider``.

    Closed until ``failures`` outages in a row, then open for ``reset_seconds``, then half-open for one probe.

    An outage that says when to come back (Retry-After, seconds, at most ten minutes) opens it at once for that long;
    where the count opens it too, or several calls are told, the longest holds. ``clock`` is monotonic, in seconds.
    """

    def __init__(
        self,
        *,
        provider: str,
        model: str,
        failures: int,
        reset_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counting = pybreaker.CircuitBreaker(
            fail_max=failures, name=f"{provider} {model}", throw_new_error_on_trip=False
        )
        self._reset_seconds = reset_seconds
        self._clock = clock
        self._open_until = 0.0
        self._probing = False
        self._era = 0
        self._told = {"provider": provider, "model": model}
        self._gauge = BREAKER_STATE.labels(provider, model)
        self._gauge.set(0)

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        return str(self._counting.current_state)

    def check(self) -> None:
        """Raise as ``run`` would now, without taking the probe's place: spares the wait for a free slot."""
        remaining = self._open_until - self._clock()
        if self.state == pybreaker.STATE_OPEN and remaining > 0:
            raise ModelUnavailable("circuit open", retry_after=remaining, passing=True)
        if self._probing:
            raise ModelUnavailable("circuit open", passing=True)

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await ``call()`` if the gate is open and report how it went; a cancelled call reports nothing.

        Raises ``ModelUnavailable`` with reason "circuit open" instead of calling, else whatever ``call`` raises.
        """
        self.check()
        if self.state == pybreaker.STATE_OPEN:
            self._counting.half_open()
            self._enter_new_era()
        probe = self.state == pybreaker.STATE_HALF_OPEN
        self._probing = self._probing or probe
        era = self._era
        try:
            value = await call()
        except Outage as outage:
            self._report(era, outage)
            raise
        except ModelUnavailable:
            self._report(era, None)
            raise
        else:
            self._report(era, None)
            return value
        finally:
            if probe:
                self._probing = False

    def _report(self, era: int, outage: Outage | None) -> None:
        before = self.state
        # A call that was let in before the state last changed says nothing about the time since, save for how long
        # the service wants to be left alone from now on.
        if era == self._era:
            self._count(outage)
        if outage is not None:
            self._leave_alone(outage.retry_after)
        if self.state != before:
            self._enter_new_era()

    def _count(self, outage: Outage | None) -> None:
        def ended() -> None:
            if outage is not None:
                raise outage

        with suppress(Outage):
            self._counting.call(ended)
        if self.state == pybreaker.STATE_OPEN:
            self._open_until = self._clock() + self._reset_seconds

    def _leave_alone(self, seconds: float | None) -> None:
        if not seconds:
            return
        self._open_until = max(self._open_until, self._clock() + min(seconds, _LONGEST_HINT))
        if self.state != pybreaker.STATE_OPEN:
            self._counting.open()

    def _enter_new_era(self) -> None:
        self._era += 1
        self._gauge.set(_STATE_VALUES[self.state])
        if self.state == pybreaker.STATE_OPEN:
            seconds = round(self._open_until - self._clock(), 3)
            _log.warning("llm.breaker_opened", **self._told, probe_in_seconds=seconds)
        elif self.state == pybreaker.STATE_CLOSED:
            _log.info("llm.breaker_closed", **self._told)
        else:
            _log.debug("llm.breaker_probes", **self._told)
