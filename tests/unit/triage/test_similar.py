"""How alike two tickets are, and the words under which they are found."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_triage.repository import Candidate
from aiops_triage.repository.similar import terms_of
from aiops_triage.service.similar import SCORE, most_similar

FORM = "Please describe what happened, when it happened, and who can be asked about it. We answer within two days."


def candidate(number: int, title: str, body: str = "") -> Candidate:
    """A ticket on the short list."""
    return Candidate(UUID(int=number), title, body)


@pytest.mark.parametrize(
    ("title", "body", "alike"),
    [
        ("Mail is down", "since noon", True),
        ("Down is mail!", "SINCE  noon", True),
        ("Mail is down again", "since noon", True),
        ("Mail is down", "", False),
        ("Invoice is wrong", "since noon", False),
    ],
)
def test_what_says_nearly_the_same_is_similar(title: str, body: str, alike: bool) -> None:
    found = most_similar("Mail is down", "since noon", [candidate(1, title, body)])
    assert bool(found) is alike


def test_a_form_that_is_filled_in_alike_is_not_enough() -> None:
    assert most_similar("No sound in meetings", FORM, [candidate(1, "Printer out of paper", FORM)]) == ()


def test_the_nearest_three_come_first() -> None:
    found = most_similar(
        "disk full on the build host",
        "",
        [
            candidate(1, "disk is full on the old build host"),
            candidate(2, "disk full on the build host"),
            candidate(3, "disk full on build host"),
            candidate(4, "disk full on the build host 2"),
            candidate(5, "holiday"),
        ],
    )
    assert [one.ticket_id.int for one in found] == [2, 4, 3]
    assert found[0].score == 1.0
    assert all(SCORE <= one.score <= 1 for one in found)


@given(st.text(max_size=300), st.text(max_size=3000))
def test_any_text_has_at_most_thirteen_terms_that_postgresql_can_hold(title: str, body: str) -> None:
    terms = terms_of(title, body)
    assert len(terms) <= 13
    assert all(-(2**31) <= term < 2**31 for term in terms)
    assert terms == terms_of(title, body)
    assert all(0 <= one.score <= 1 for one in most_similar(title, body, [candidate(1, title, body)]))


def test_texts_that_share_most_words_share_most_terms() -> None:
    body = " ".join(f"word{number}" for number in range(100))
    longer = f"{body} and some others more"
    ours, theirs = set(terms_of("", body)), set(terms_of("", longer))
    assert len(ours & theirs) >= len(ours) - 2


def test_the_first_term_is_of_the_whole_text_and_the_second_of_the_words_of_the_title() -> None:
    first, second, *_ = terms_of("Mail is down", "since noon")
    assert [first, second] == terms_of(" MAIL  is down", "since\nnoon")[:2]
    assert terms_of("Down is mail", "since noon")[1] == second
    assert first not in terms_of("Down is mail", "since noon")
    assert first not in terms_of("Mail is down since", "noon")
    assert terms_of("Mail is down", "since one o'clock")[1] == second


@pytest.mark.parametrize(("title", "body"), [("", ""), ("?!", "a b"), ("🔥🔥🔥", "")])
def test_what_has_no_words_has_no_terms(title: str, body: str) -> None:
    assert terms_of(title, body) == []
