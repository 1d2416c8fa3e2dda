"""Which rung follows which failure, and how long one waits on it."""

import pytest

from aiops_common.messaging.names import RETRY_RUNGS
from aiops_common.messaging.retry import RetryPolicy, jittered_seconds


def test_the_rungs_are_climbed_in_order_and_then_it_is_given_up() -> None:
    policy = RetryPolicy(max_attempts=5)
    assert [policy.rung_after(attempt) for attempt in range(1, 6)] == ["5s", "30s", "2m", "10m", None]


def test_more_attempts_than_rungs_wait_on_the_last() -> None:
    assert [RetryPolicy(max_attempts=8).rung_after(attempt) for attempt in (4, 5, 7, 8)] == ["10m", "10m", "10m", None]


@pytest.mark.parametrize("attempt", [1, 2, 1000])
def test_a_single_attempt_is_never_repeated(attempt: int) -> None:
    assert RetryPolicy(max_attempts=1).rung_after(attempt) is None


@pytest.mark.parametrize(("rung", "seconds"), list(zip(RETRY_RUNGS, (5, 30, 120, 600), strict=True)))
def test_a_wait_is_at_most_that_of_its_queue_and_spread(rung: str, seconds: float) -> None:
    waits = [jittered_seconds(rung) for _ in range(200)]
    assert seconds * 0.7 <= min(waits) < max(waits) <= seconds
    assert len(set(waits)) > 100


def test_the_waits_are_a_setting_and_the_last_repeats() -> None:
    policy = RetryPolicy(max_attempts=5, waits=("5s", "2m"))
    assert [policy.rung_after(attempt) for attempt in range(1, 6)] == ["5s", "2m", "2m", "2m", None]
