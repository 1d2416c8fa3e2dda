"""Percentiles by nearest rank."""

import math

from hypothesis import given
from hypothesis import strategies as st

from soak.latency import Latency


def test_percentiles_of_a_hundred() -> None:
    assert Latency.of([float(number) for number in range(100, 0, -1)]) == Latency(100, 50, 95, 99, 100)


def test_one_duration_is_every_percentile() -> None:
    assert Latency.of([0.5]) == Latency(1, 0.5, 0.5, 0.5, 0.5)


def test_none_at_all_is_not_zero() -> None:
    nothing = Latency.of([])
    assert nothing.count == 0
    assert math.isnan(nothing.worst)


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1))
def test_percentiles_occurred_and_are_in_order(seconds: list[float]) -> None:
    found = Latency.of(seconds)
    figures = [found.p50, found.p95, found.p99, found.worst]
    assert figures == sorted(figures)
    assert set(figures) <= set(seconds)
    assert found.worst == max(seconds)
