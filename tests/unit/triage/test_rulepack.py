"""The rule pack and the language its phrases are written in."""

import pytest

from aiops_triage.domain import Label, Level
from aiops_triage.engine import rulepack
from aiops_triage.engine.audience import audience
from aiops_triage.engine.phrases import InvalidPhrase, occurrences, phrase_tree, spellings
from aiops_triage.engine.reading import Place, passage_of


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("crash~", {"crash", "crashes", "crashed", "crashing"}),
        ("retry~", {"retry", "retries", "retried", "retrying"}),
        ("freeze~", {"freeze", "freezes", "freezed", "freezing"}),
        ("log|sign in", {"log in", "sign in"}),
        ("lost (the|all)? data", {"lost data", "lost the data", "lost all data"}),
        ("can't work", {"can't work", "cant work"}),
        ("sign-in", {"sign in"}),
        ("within # hours", {"within # hours"}),
    ],
)
def test_spellings(phrase: str, expected: set[str]) -> None:
    assert {" ".join(words) for words in spellings(phrase)} == expected


@pytest.mark.parametrize("phrase", ["", "# hours", "(maybe)?", "auth~or", "(a|b) c", "!", "a|b " * 12])
def test_an_unreadable_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(InvalidPhrase):
        spellings(phrase)


def test_the_longest_phrase_counts_and_hides_what_lies_within() -> None:
    tree = phrase_tree([("slow down", 0), ("down", 1), ("within # hours", 2), ("down for all", 3)])
    tokens = passage_of(Place.TEXT, "Slow down! Reply within 12 hours, slow down for all, down.").tokens
    assert [entries for _, _, entries in occurrences(tree, tokens)] == [(0,), (2,), (0,), (3,), (1,)]


def test_the_shipped_pack_is_valid_and_uses_every_label() -> None:
    pack = rulepack.load()
    assert rulepack.load() is pack
    assert {rule.label for rule in pack.entries if rule.label} == set(Label)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[rules]]\nphrases = ["x"]\nlabel = "made-up"', "label"),
        ('[[rules]]\nphrases = ["x"]\ncategory = "BUG"', "belong together"),
        ('[[rules]]\nphrases = ["x"]', "at least one of"),
        ('[[rules]]\nphrases = ["x"]\nurgency = "HIGH"\nurgent = true', "urgent"),
        ('[[rules]]\nphrases = ["# x"]\nurgency = "HIGH"', "begins with a number"),
        ('[[rules]]\nphrases = ["x", "y x"]\nurgency = "HIGH"\n' * 2, "'x' counts twice for urgency HIGH"),
        (
            '[[rules]]\nphrases = ["leak~", "a|b leaked", "leaked"]\ncategory = "BUG"\nweight = 2',
            "'leaked' counts twice for category BUG, by 'leak~' and 'leaked': drop one",
        ),
        ("[[rules]", "made.toml"),
        ("", "no baseline for INCIDENT"),
    ],
)
def test_a_broken_pack_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(rulepack.InvalidRulePack, match=message):
        rulepack.compile_pack({"made.toml": text})


@pytest.mark.parametrize(
    ("text", "level", "quote"),
    [
        ("all 300 users are affected", Level.HIGH, "300 users"),
        ("1,500 of our customers", Level.HIGH, "1,500 of our customers"),
        ("2k users", Level.HIGH, "2k users"),
        ("40% of customers", Level.HIGH, "40% of customers"),
        ("3 % of users", Level.MEDIUM, "3 % of users"),
        ("12 internal users and 2 customers", Level.MEDIUM, "12 internal users"),
        ("1 user", Level.LOW, "1 user"),
    ],
)
def test_counts_of_people(text: str, level: Level, quote: str) -> None:
    assert audience(passage_of(Place.TEXT, text)) == (level, quote)


@pytest.mark.parametrize(
    "text", ["users", "v1.300 users", "300 ms", "room 300: users wait", "not 300 users", "300 rows"]
)
def test_no_count_of_people(text: str) -> None:
    assert audience(passage_of(Place.TEXT, text)) is None
