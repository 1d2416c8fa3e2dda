"""The laws that hold for every log, whatever is in it."""

import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiops_summarizer.engine import digest, iter_lines

_WORDS = st.sampled_from(
    ["disk", "user", "Started", "Paused", "10.0.0.7", "0x3f", "42", "/var/lib/x", "ERROR", "in 3ms"]
)
_HEADERS = st.sampled_from(
    [
        "",
        "2024-05-01 10:00:0%d INFO ",
        "2024-05-01T10:00:0%dZ ERROR [main] app.Main - ",
        "May  1 10:00:0%d host app[7]: ",
        "\tat x ",
    ]
)
_LINES = st.lists(
    st.builds(
        lambda header, second, words: header.replace("%d", str(second)) + " ".join(words),
        _HEADERS,
        st.integers(0, 9),
        st.lists(_WORDS, max_size=5),
    ),
    max_size=60,
)


@given(st.one_of(_LINES, st.lists(st.text(st.characters(exclude_characters="\n"), max_size=40), max_size=30)))
@example([""])
@example(["\x00\x01", "", "  ", "\ufffd"])
def test_counts_add_up_to_the_number_of_lines(lines: list[str]) -> None:
    found = digest(lines)
    assert sum(pattern.count for pattern in found.patterns) == found.line_count == len(lines)
    assert found.pattern_count == len(found.patterns)
    assert len({pattern.id for pattern in found.patterns}) == len(found.patterns)
    assert all(1 <= pattern.first_line <= len(lines) for pattern in found.patterns)


@given(_LINES, st.integers(1, 5))
def test_counts_add_up_when_the_store_is_too_small(lines: list[str], cap: int) -> None:
    found = digest(lines, cap=cap)
    assert sum(pattern.count for pattern in found.patterns) == len(lines)
    assert found.pattern_count <= cap + 2


@given(st.lists(_LINES, min_size=1, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_ids_and_counts_do_not_depend_on_the_order_of_entries(chunks: list[list[str]], random: object) -> None:
    # Only lines with a header of their own: what continues a line has to stay behind it.
    entries = [[f"2024-05-01 10:00:00 INFO {line.strip() or 'x'}" for line in chunk] for chunk in chunks]
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its randoms as object
    assert _counts(entries) == _counts(shuffled)


def _counts(chunks: list[list[str]]) -> dict[tuple[str, str], int]:
    found = digest(line for chunk in chunks for line in chunk)
    return {(pattern.id, pattern.template): pattern.count for pattern in found.patterns}


@given(
    st.lists(st.sampled_from(["alpha", "beta", "gamma", "Started", "Paused", "up", "down"]), min_size=1, max_size=3),
    st.integers(0, 3),
    st.integers(1, 20),
    st.booleans(),
)
def test_words_with_few_values_are_never_merged(values: list[str], position: int, repeats: int, dated: bool) -> None:
    frame = ["volume", "of", "node", "done"]
    header = "2024-05-01 10:00:00 INFO " if dated else ""
    lines = [header + " ".join([*frame[:position], value, *frame[position:]]) for value in values] * repeats
    found = digest(lines)
    assert {pattern.template for pattern in found.patterns} == {line.removeprefix(header) for line in lines}


def test_a_word_with_four_values_is_variable() -> None:
    found = digest([f"volume of {name} attached" for name in ("ann", "bob", "cid", "dan")])
    assert [pattern.template for pattern in found.patterns] == ["volume of <*> attached"]


def test_one_slot_is_generalised_at_a_time() -> None:
    found = digest([f"{first} met {second}" for first, second in zip("abcd", "efgh", strict=True)])
    assert found.pattern_count == 4


@given(st.text())
def test_iter_lines_splits_like_a_file(text: str) -> None:
    lines = list(iter_lines(text))
    assert len(lines) == text.count("\n") + (not text.endswith("\n") and text != "")
    assert "\n".join(lines) == "\n".join(line.removesuffix("\r") for line in text.split("\n"))[: len("\n".join(lines))]


def test_a_hundred_thousand_equal_lines_are_quick() -> None:
    line = "2024-05-01 10:00:00 INFO [main] app.Main - request 17 took 3 ms"
    started = time.process_time()
    found = digest(line for _ in range(100_000))
    assert time.process_time() - started < 10
    assert [pattern.count for pattern in found.patterns] == [100_000]


def test_a_huge_line_is_one_line_with_a_short_example() -> None:
    found = digest(["x" * 5_000_000, "a b " * 500_000])
    assert found.line_count == 2
    assert all(len(pattern.example) <= 1000 for pattern in found.patterns)


def test_memory_is_bounded_by_the_cap() -> None:
    words = [f"{a}{b}{c}" for a in "abcdefgh" for b in "abcdefgh" for c in "abcdefgh"]
    found = digest(" ".join([word] * (length % 7 + 2)) for length, word in enumerate(words))
    small = digest((" ".join([word] * (length % 7 + 2)) for length, word in enumerate(words)), cap=50)
    assert found.pattern_count == len(words)
    assert small.pattern_count <= 52
    assert next(pattern.count for pattern in small.patterns if pattern.template == "(other)") >= len(words) - 50
