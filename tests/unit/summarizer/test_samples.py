"""The seeded sample of a template's lines, and the values that are read from it."""

from hypothesis import given
from hypothesis import strategies as st

from aiops_summarizer.engine import scan
from aiops_summarizer.engine.samples import KEPT, Reservoir, slot_values
from aiops_summarizer.engine.templates import Statistics


def _filled(lines: int, seed: str = "s", first: int = 1) -> Reservoir:
    sample = Reservoir(seed)
    for count in range(1, lines + 1):
        if count >= sample.due:
            sample.offer(count, first + count - 1, f"message {count}")
    return sample


@given(st.integers(0, 2000), st.text(max_size=5))
def test_a_sample_holds_what_it_can_and_is_the_same_every_time(lines: int, seed: str) -> None:
    sample = _filled(lines, seed)
    numbers = {number for number, _ in sample.kept}
    assert len(sample.kept) == len(numbers) == min(lines, KEPT)
    assert numbers <= set(range(1, lines + 1))
    assert sample.kept == _filled(lines, seed).kept


def test_a_sample_is_drawn_evenly() -> None:
    numbers = [number for seed in range(200) for number, _ in _filled(1000, str(seed)).kept]
    assert 450 < sum(numbers) / len(numbers) < 550
    assert 0.4 < sum(number > 500 for number in numbers) / len(numbers) < 0.6


@given(st.integers(0, 200), st.integers(0, 200))
def test_two_samples_together_have_their_shares(left: int, right: int) -> None:
    sample = _filled(left)
    sample.absorb(_filled(right, first=1001), left, right)
    assert len(sample.kept) == min(KEPT, left + right)
    if left == right:
        assert abs(sum(number > 1000 for number, _ in sample.kept) * 2 - len(sample.kept)) <= 1
    assert sample.due > left + right


def test_a_sample_of_many_is_drawn_evenly_from_each() -> None:
    early = []
    for seed in range(50):
        sample = _filled(100, str(seed))
        for other in range(1, 41):
            sample.absorb(_filled(100, f"{seed} {other}", first=1 + 100 * other), 100 * other, 100)
        early += [(number - 1) % 100 < 50 for number, _ in sample.kept]
    assert 0.42 < sum(early) / len(early) < 0.58


def test_values_are_exact_where_the_sample_is_everything() -> None:
    messages = ["to db1 in 3 ms", "to db2  in 4 ms", "to db1 in 3 ms"]
    assert slot_values("to <*> in <*> ms", messages, 3) == [[("db1", 2), ("db2", 1)], [("3", 2), ("4", 1)]]


def test_values_that_cannot_be_told_apart_are_left_out() -> None:
    assert slot_values("at <*>:<*>:<*>", ["at Wed May 1 noon"], 1) == [[], [], []]
    assert slot_values("no wildcard", ["no wildcard"], 1) == []
    assert slot_values("<*>", [""], 1) == [[("", 1)]]


def _only(lines: list[str]) -> Statistics:
    [(_, statistics)] = scan(lines).store.items()
    return statistics


def test_statistics_have_values() -> None:
    found = _only([f"2024-05-01 10:00:00 INFO conn {n} to {'db-9' if n % 10 else 'db-1'} lost" for n in range(500)])
    assert found.template == "conn <*> to <*> lost"
    assert found.values[1][0][0] == "db-9"
    assert 300 < found.values[1][0][1] <= 500


def test_values_of_words_that_were_merged_are_known() -> None:
    found = _only([f"login of {name} failed" for name in ("ann", "ann", "bob", "cid", "dan")])
    assert found.template == "login of <*> failed"
    assert found.values == [[("ann", 2), ("bob", 1), ("cid", 1), ("dan", 1)]]


def test_messages_that_are_too_long_take_a_place_but_no_room() -> None:
    sample = Reservoir("s")
    for count, message in enumerate(["to db1", "x" * 500, "", "to db2"], start=1):
        sample.offer(count, count, message)
    assert [number for number, _ in sample.kept] == [1, 2, 3, 4]
    assert sample.messages == ["to db1", "", "to db2"]
    sample.messages = ["a", "b", "c"]
    assert sample.kept == [(1, b"a"), (2, None), (3, b"b"), (4, b"c")]
