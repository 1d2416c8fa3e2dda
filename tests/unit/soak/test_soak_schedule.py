"""A seed decides everything, and no strike makes a fair run impossible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.schedule import PARTS, POSTGRES, QUIET_END_SECONDS, QUIET_START_SECONDS, RABBITMQ, Action, Strike, plan

seeds = st.integers(min_value=0, max_value=10**9)
lengths = st.floats(min_value=60, max_value=1800)


def test_the_same_seed_strikes_the_same() -> None:
    assert plan(7, 600) == plan(7, 600)
    assert plan(7, 600) != plan(8, 600)


@given(seeds, lengths)
def test_it_is_quiet_at_both_ends(seed: int, seconds: float) -> None:
    for strike in plan(seed, seconds):
        assert strike.at >= QUIET_START_SECONDS
        assert 0 <= strike.away <= 15
        # Times are rounded to tenths.
        assert strike.at + strike.away <= seconds - QUIET_END_SECONDS + 0.11


@given(seeds, lengths)
def test_a_part_comes_back_before_it_is_struck_again(seed: int, seconds: float) -> None:
    last: dict[str, Strike] = {}
    for strike in plan(seed, seconds):
        if strike.part in last:
            earlier = last[strike.part]
            least = {RABBITMQ: 20.0, POSTGRES: 12.0}.get(strike.part, 8.0)
            assert strike.at >= earlier.at + earlier.away + least - 0.11
        last[strike.part] = strike


@given(seeds, lengths)
def test_strikes_are_in_order_and_at_most_two_begin_together(seed: int, seconds: float) -> None:
    times = [strike.at for strike in plan(seed, seconds)]
    assert times == sorted(times)
    assert all(times.count(moment) <= 2 for moment in times)


@pytest.mark.parametrize("seed", range(5))
def test_ten_minutes_strike_every_part_and_in_every_way(seed: int) -> None:
    strikes = plan(seed, 600)
    assert {strike.part for strike in strikes} == set(PARTS)
    assert {strike.action for strike in strikes} == set(Action)
    assert len(strikes) >= 60


def test_what_is_frozen_stays_so_for_a_while() -> None:
    frozen = [s for seed in range(20) for s in plan(seed, 300)[:-2] if s.action is Action.FREEZE]
    assert frozen
    assert min(strike.away for strike in frozen) > 0


def test_a_load_without_room_for_strikes_has_none() -> None:
    assert plan(1, QUIET_END_SECONDS) == []
