"""An outage is told once when it begins and once when it ends."""

from aiops_common.outage import Outage


def test_it_begins_once_and_ends_once() -> None:
    outage = Outage()
    assert outage.ends() is None
    assert [outage.begins() for _ in range(3)] == [True, False, False]
    seconds = outage.ends()
    assert seconds is not None
    assert seconds >= 0
    assert outage.ends() is None
    assert outage.begins()


def test_what_fails_every_other_time_is_one_outage() -> None:
    outage = Outage(settle_seconds=60)
    told = [(outage.begins(), outage.ends()) for _ in range(5)]
    assert told == [(True, None), *[(False, None)] * 4]
