"""Which words are variable because of the values that were seen, and which never are."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_summarizer.engine.generalise import Matcher, generalise
from aiops_summarizer.engine.templates import TemplateStore

_WORDS = st.sampled_from(["up", "down", "Started", "Paused", "disk", "node7", "<*>", "a=", "(x)"])
_TEMPLATES = st.dictionaries(
    st.lists(_WORDS, min_size=1, max_size=4).map(" ".join), st.integers(1, 50), min_size=1, max_size=40
)


def _generalised(counts: dict[str, int]) -> set[str]:
    return set(generalise(counts).values())


@given(_TEMPLATES)
def test_every_template_has_one_goal_whatever_the_order(counts: dict[str, int]) -> None:
    found = generalise(counts)
    assert found.keys() == counts.keys()
    assert found == generalise(dict(reversed(counts.items())))


@given(st.lists(st.sampled_from(["ann", "bob", "cid"]), min_size=1), st.integers(1, 1000))
def test_up_to_three_words_are_never_merged(words: list[str], lines: int) -> None:
    counts = {f"volume of {word} attached": lines for word in words}
    assert _generalised(counts) == counts.keys()


def test_states_that_all_come_again_and_again_are_not_merged() -> None:
    counts = {f"VM {state} (Lifecycle Event)": 20 for state in ("Started", "Paused", "Resumed", "Stopped", "Deleted")}
    assert _generalised(counts) == counts.keys()


def test_names_of_which_some_are_rare_are_merged() -> None:
    counts = {
        f"password refused for {name} again": lines for name, lines in zip("abcde", (370, 9, 2, 1, 1), strict=True)
    }
    assert _generalised(counts) == {"password refused for <*> again"}


@pytest.mark.parametrize("pattern", ["state={} now", "pod {}/x is up", "host {}1 lost"])
def test_values_and_names_need_no_rare_ones(pattern: str) -> None:
    counts = {pattern.format(word): 50 for word in ("ant", "bee", "cat", "dog")}
    assert _generalised(counts) == {pattern.replace("{}1", "{}").format("<*>")}


def test_many_words_are_merged_however_often_each_comes() -> None:
    words = ["".join(letters) for letters in product("abcd", repeat=2)]
    assert _generalised({f"shard {word} moved": 100 for word in words}) == {"shard <*> moved"}


def test_a_case_of_two_slots_joins_what_the_slots_were_merged_into() -> None:
    counts = {f"job {a}1 of {b}1 ended": 1 for a, b in product(("ant", "bee", "cat", "dog"), repeat=2)}
    counts["job eel1 of fox1 ended"] = 1
    assert _generalised(counts) == {"job <*> of <*> ended"}


def test_units_are_variable_only_where_several_were_seen() -> None:
    counts = {"size <*> KB": 3, "size <*> MB": 2, "free <*> MB": 7}
    assert _generalised(counts) == {"size <*>", "free <*> MB"}


def test_a_matcher_finds_what_a_new_template_is_a_case_of() -> None:
    matcher = Matcher(["user <*> left <*>", "<*> rejoined"])
    assert matcher.match("user ann left <*>") == "user <*> left <*>"
    assert matcher.match("user ann stayed <*>") is None


def test_a_store_survives_templates_that_are_merged_again() -> None:
    store = TemplateStore(cap=8)
    for line, (a, b) in enumerate(product("klmnopqrst", repeat=2), start=1):
        _, statistics = store.slot(f"from {a}1 to {b}1 done", line, "", "")
        statistics.count += 1
    store.compact()
    assert sum(statistics.count for _, statistics in store.items()) == 100


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("by bob now", "by <*> now"),
        ("by <*> now", "by <*> now"),
        ("by bob.b-7 now", "by <*> now"),
        ("by b=ob now", None),
        ("by (bob) now", None),
        ("by HTTP200 now", None),
        ("id=bob now", "id=<*> now"),
        ("id=b:ob now", None),
        ("(bob) of bob", "(<*>) of <*>"),
    ],
)
def test_only_a_whole_word_is_a_case_of_a_wildcard(line: str, pattern: str | None) -> None:
    assert Matcher(["by <*> now", "id=<*> now", "(<*>) of <*>"]).match(line) == pattern
