"""Token buckets as an attacker would use them: many keys, long patience, no way round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_gateway.domain.rates import Buckets, Rate, Seats, address_key


class Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def taken(buckets: Buckets, key: str, tries: int) -> int:
    return sum(buckets.take(key) == 0 for _ in range(tries))


def test_a_burst_and_then_the_rate(clock: Clock) -> None:
    buckets = Buckets(Rate(per_second=2, burst=5), clock=clock)
    assert taken(buckets, "a", 100) == 5
    clock.now += 0.5
    assert taken(buckets, "a", 100) == 1
    clock.now += 3600
    assert taken(buckets, "a", 100) == 5


def test_each_key_has_its_own(clock: Clock) -> None:
    buckets = Buckets(Rate(per_second=1, burst=1), clock=clock)
    assert taken(buckets, "a", 2) == 1
    assert taken(buckets, "b", 2) == 1


def test_the_wait_is_as_long_as_it_says(clock: Clock) -> None:
    buckets = Buckets(Rate(per_second=0.5, burst=2), clock=clock)
    assert taken(buckets, "a", 2) == 2
    wait = buckets.take("a")
    assert wait == pytest.approx(2)
    clock.now += wait - 0.01
    assert buckets.take("a") > 0
    clock.now += 0.02
    assert buckets.take("a") == 0


def test_a_refusal_takes_nothing(clock: Clock) -> None:
    buckets = Buckets(Rate(per_second=1, burst=1), clock=clock)
    assert taken(buckets, "a", 1000) == 1
    clock.now += 1
    assert buckets.take("a") == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 20)), max_size=30), st.floats(0.1, 10), st.integers(1, 20))
def test_never_more_than_burst_and_rate_together(steps: list[tuple[float, int]], per_second: float, burst: int) -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_second, burst), clock=clock)
    total = 0
    for seconds, tries in steps:
        clock.now += seconds
        total += taken(buckets, "a", tries)
        assert total <= burst + (clock.now - 1000) * per_second + 1e-6


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0, 2)), max_size=200))
def test_forgetting_helps_nobody(steps: list[tuple[int, float]]) -> None:
    """With room for a few keys only, nobody is ever let in more often than with room for all of them."""
    clock = Clock()
    rate = Rate(per_second=0.7, burst=3)
    small, large = Buckets(rate, most=4, clock=clock), Buckets(rate, clock=clock)
    let_in: dict[str, list[int]] = {}
    for number, seconds in steps:
        clock.now += seconds
        key = f"k{number}"
        counts = let_in.setdefault(key, [0, 0])
        counts[0] += small.take(key) == 0
        counts[1] += large.take(key) == 0
        assert counts[0] <= counts[1]


def test_memory_is_bounded_and_the_spent_bucket_stays_spent(clock: Clock) -> None:
    buckets = Buckets(Rate(per_second=0.1, burst=5), most=1000, clock=clock)
    assert taken(buckets, "attacker", 10) == 5
    for number in range(50_000):  # to have the own bucket thrown out
        buckets.take(f"address {number}")
    assert len(buckets) <= 1000 + 64
    assert taken(buckets, "attacker", 10) == 0
    # Newcomers are let in still, though they share a few buckets ...
    clock.now += 11
    assert sum(taken(buckets, f"newcomer {number}", 1) for number in range(2000)) > 0
    # ... and have their own again once the flood is over.
    clock.now += 3600
    assert [taken(buckets, f"later {number}", 6) for number in range(500)] == [5] * 500
    assert len(buckets) <= 1000 + 64


def test_seats_are_given_back() -> None:
    seats = Seats(2)
    assert [seats.take("a") for _ in range(3)] == [True, True, False]
    assert seats.take("b")
    seats.give_back("a")
    assert [seats.take("a") for _ in range(2)] == [True, False]
    for key in ("a", "a", "b"):
        seats.give_back(key)
    assert seats._taken == {}


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("not an address" * 100, ("not an address" * 100)[:64]),
    ],
)
def test_whom_an_address_stands_for(address: str | None, key: str) -> None:
    assert address_key(address) == key
