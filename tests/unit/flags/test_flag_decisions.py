"""For whom a flag is on."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature.flag_evaluation import Reason

from aiops_common.flags.deciding import Context, NoWork, decide, share
from aiops_common.testing.flags import flag

KEY = "shop.llm"
ADA = "user:00000000-0000-0000-0000-0000000000ad"
WORK = "00000000-0000-0000-0000-000000000007"


def test_off_it_is_off_for_everybody_it_names() -> None:
    switched = flag(KEY, enabled=False, roles=("ADMIN",), allow=(ADA,))
    assert decide(switched, Context(WORK, ADA, "ADMIN")) == decide(switched, Context(WORK))
    assert (decide(switched, Context(WORK)).is_on, decide(switched, Context(WORK)).reason) == (False, Reason.DISABLED)


@pytest.mark.parametrize(
    "context",
    [
        Context(WORK, ADA),
        Context(None, ADA),
        Context(WORK, "user:x", "OPS"),
        Context("00000000-0000-0000-0000-000000000009", "partner:acme"),
    ],
)
def test_it_is_on_for_what_it_names(context: Context) -> None:
    named = flag(KEY, percentage=0, roles=("OPS",), allow=(ADA, "ticket:00000000-0000-0000-0000-000000000009"))
    decided = decide(named, context)
    assert (decided.is_on, decided.reason) == (True, Reason.TARGETING_MATCH)


@pytest.mark.parametrize(
    "context",
    [
        Context(WORK, "user:x", "VIEWER"),
        Context(),
        Context(None, ADA.replace("user", "key")),
        Context(ADA.removeprefix("user:"), "partner:acme"),
    ],
)
def test_it_is_off_for_what_it_does_not_name(context: Context) -> None:
    named = flag(KEY, percentage=0, roles=("OPS",), allow=(ADA,))
    assert (decide(named, context).is_on, decide(named, context).reason) == (False, Reason.STATIC)


def test_a_percentage_needs_to_know_the_work() -> None:
    assert decide(flag(KEY, percentage=100), Context()).is_on
    with pytest.raises(NoWork, match=r"shop\.llm is on for 50 %"):
        decide(flag(KEY, percentage=50), Context(principal=ADA))


@given(work=st.uuids().map(str), low=st.integers(0, 100), high=st.integers(0, 100))
def test_raising_a_percentage_takes_nothing_away(work: str, low: int, high: int) -> None:
    low, high = sorted((low, high))
    if decide(flag(KEY, percentage=low), Context(work)).is_on:
        assert decide(flag(KEY, percentage=high), Context(work)).is_on


@pytest.mark.parametrize("percentage", [1, 10, 50, 90])
def test_a_percentage_is_one_of_the_work(percentage: int) -> None:
    count = 20_000
    on = sum(decide(flag(KEY, percentage=percentage), Context(str(UUID(int=n)))).is_on for n in range(count))
    assert abs(on / count - percentage / 100) < 0.015


def test_two_flags_choose_independently() -> None:
    works = [str(UUID(int=n)) for n in range(4_000)]
    both = sum(share("a.b", work) < 50 and share("a.c", work) < 50 for work in works)
    assert abs(both / len(works) - 0.25) < 0.03


def test_the_share_is_the_same_in_every_process_and_release() -> None:
    # printf 'shop.llm\\n<work>' | sha256sum; its first 16 digits, modulo 10,000. Another hash would move all canaries.
    assert [share(KEY, str(UUID(int=n))) for n in range(3)] == [46.99, 28.47, 99.41]
