"""Laws of reading a log line by line: every line has one slot, whatever the order, the format or the amount."""

import sys
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_summarizer.engine import scan
from aiops_summarizer.engine.pipeline import Scanned
from aiops_summarizer.engine.templates import CONTINUATION, template_id

_MESSAGES = st.sampled_from(
    [
        "disk 7 full",
        "user ann left",
        "user bob left",
        "user cid left",
        "user dan left",
        "VM Started",
        "VM Paused",
        "x=true",
    ]
)
_LINES = st.lists(st.builds("2024-05-01 10:00:0{} INFO {}".format, st.integers(0, 9), _MESSAGES), max_size=80)


def _ids(scanned: Scanned) -> dict[str, int]:
    return {template_id(template): statistics.count for template, statistics in scanned.store.items()}


@given(_LINES, st.integers(1, 6))
def test_the_slots_of_the_lines_are_the_counts(lines: list[str], cap: int) -> None:
    slots: list[int] = []
    store = scan(lines, cap=cap, assign=slots.append).store
    assert len(slots) == len(lines)
    assert Counter(map(store.template_of, slots)) == {template: found.count for template, found in store.items()}
    assert len(store.items()) <= cap + 2


@given(_LINES, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_ids_do_not_depend_on_the_order_or_the_line_ends(lines: list[str], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its randoms as object
    assert _ids(scan(lines)) == _ids(scan(f"{line}\r\n" for line in shuffled))


def test_a_log_that_changes_its_format_is_read_on() -> None:
    lines = [f"2024-05-01 10:00:00 INFO [main] job {n} done" for n in range(1200)]
    lines += [f"node-{n % 9} unix.hw 10777{n:05} 1 fan {n} slow" for n in range(1000)]
    counts = {template: found.count for template, found in scan(lines).store.items()}
    assert counts["job <*> done"] == 1200
    assert counts[CONTINUATION] < 100


def test_text_under_a_line_is_not_taken_for_a_format() -> None:
    lines = ["2024-05-01 10:00:00 INFO ready"] * 1000
    lines += ["2024-05-01 10:00:00 ERROR dump follows", *["select a from b where c"] * 500] * 3
    counts = {template: found.count for template, found in scan(lines).store.items()}
    assert counts == {"ready": 1000, "dump follows": 3, CONTINUATION: 1500}


def test_what_is_remembered_does_not_grow_with_the_log() -> None:
    def held(lines: int) -> int:
        store = scan((f"{n:x} took {'z' * (n % 50)}{n * 7919:x} at q{n}" for n in range(lines)), cap=100).store
        return sum(len(template) + sum(map(sys.getsizeof, found.sample.kept)) for template, found in store.items())

    held_once, held_twice = held(20_000), held(40_000)
    assert held_twice < 1.5 * held_once
