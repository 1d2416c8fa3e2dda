"""How long a destination that refuses is left alone."""

from aiops_common.messaging.refusals import Refusals

SHOP = ("aiops.commands", "shop.sell.v1")
STORE = ("aiops.commands", "store.keep.v1")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_asked_again_ever_more_rarely_up_to_a_bound() -> None:
    clock = Clock()
    refusals = Refusals(max_seconds=5, clock=clock)
    pauses = []
    for _ in range(5):
        pauses.append(refusals.refused(SHOP))
        assert refusals.waiting() == [SHOP]
        clock.now += pauses[-1] or 0
        assert refusals.waiting() == []
    assert pauses == [1, 2, 4, 5, 5]


def test_refusals_that_were_under_way_together_count_once() -> None:
    refusals = Refusals(clock=Clock())
    assert refusals.refused(SHOP) == 1
    assert refusals.refused(SHOP) is None


def test_one_that_takes_a_message_is_forgotten_and_others_are_not() -> None:
    refusals = Refusals(clock=Clock())
    refusals.refused(SHOP)
    refusals.refused(STORE)
    refusals.accepted(SHOP)
    assert refusals.waiting() == [STORE]
    assert refusals.refused(SHOP) == 1
