"""The engine as the service sees it: tickets in, verdicts out."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_triage.domain import REVIEW_BELOW, Label, TicketCategory, Verdict
from aiops_triage.engine import classify
from aiops_triage.engine.reading import MAX_ANALYSED, read
from unit.triage.written_tickets import TICKETS


@pytest.mark.parametrize(("category", "title", "body"), TICKETS)
def test_a_written_ticket_gets_its_category(category: str, title: str, body: str) -> None:
    verdict = classify(title, body)
    assert verdict.category == category, verdict.reasons


def test_the_written_tickets_cover_every_category() -> None:
    assert {category for category, _, _ in TICKETS} == set(TicketCategory)


def test_a_verdict_names_the_phrases_that_decided_it() -> None:
    verdict = classify("Checkout down for all 300 users", "Data  Loss in production! There is no workaround.")
    assert (verdict.severity, verdict.priority) == ("CRITICAL", "P1")
    impact, urgency = verdict.reasons[1:]
    assert impact.startswith("impact high: ")
    assert '"300 users"' in impact
    assert urgency.startswith("urgency high: ")
    assert '"Data Loss"' in urgency
    assert verdict.labels == (Label.DATA_LOSS, Label.OUTAGE, Label.PRODUCTION, Label.WORK_BLOCKED)


@pytest.mark.parametrize(
    ("title", "body", "priority"),
    [
        ("Outage of production", "Production is down, nobody can work.", "P1"),
        ("Staging database is down", "Only the test environment.", "P3"),
        ("Application crashes for several colleagues", "", "P3"),
        ("How do I export?", "No rush.", "P4"),
        ("Keyboard broken", "Only me, whenever you have time.", "P4"),
        ("Report is wrong for many customers", "The audit deadline is tomorrow, please fix by tomorrow.", "P2"),
    ],
)
def test_priority_follows_impact_and_urgency(title: str, body: str, priority: str) -> None:
    assert classify(title, body).priority == priority


def test_a_workaround_eases_the_urgency() -> None:
    assert classify("Service is down", "").priority == "P2"
    eased = classify("Service is down", "There is a workaround.")
    assert eased.priority == "P3"
    assert eased.reasons[2] == 'urgency medium: "is down", eased by "workaround"'


def test_quoted_matter_does_not_decide() -> None:
    said = classify("Question about the log", "How do I read it? data loss")
    quoted = classify("Question about the log", "How do I read it?\n```\ndata loss\n```")
    assert said.reasons[2].startswith("urgency high")
    assert quoted.reasons[2] == "urgency low: nothing said, usual for QUESTION"
    assert quoted.labels == ()


def test_what_a_template_says_in_comments_is_not_the_reporters() -> None:
    hidden = "<!-- Please describe the bug:\nsteps to reproduce, stack trace -->"
    assert classify("Invoice", f"{hidden}The amount<!-- crash -->is not right") == classify(
        "Invoice", "The amount is not right"
    )
    for shown in ("`<!--` crashes -->", "<!-- crashes", "--> crashes <!--", "<!--> crashes"):
        assert "BUG" in classify("", shown).reasons[0], shown


def test_comments_without_an_end_cost_no_more_than_other_text() -> None:
    assert read("", "<!--" * 5_000).passages == ()
    assert [passage.tokens for passage in read("", "<!-- a " * 2_000 + "--> b").passages] == [["b"]]


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Code review changes", "The code of the project list was changed by the owner. Please assign the ticket."),
        (
            "Template rendering changes the list of members",
            "The project code throws an exception when the list template has no owner; the summary changes.",
        ),
        ("Nightly notifications are sent twice", "Since the last code change the members of a project get two."),
        ("Production change failed", "the change of the project template failed and the site is down"),
    ],
)
def test_everyday_words_of_software_are_not_the_paperwork_of_a_service_desk(title: str, body: str) -> None:
    verdict = classify(title, body)
    assert verdict.category != "OTHER" or verdict.needs_review
    assert not any(word in verdict.reasons[0] for word in ("roject", "ode", "hange", "emplate", "ist", "wner"))


def test_without_evidence_it_abstains() -> None:
    verdict = classify("", "")
    assert (verdict.category, verdict.confidence, verdict.needs_review) == ("OTHER", 0.0, True)


def test_confidence_grows_with_evidence_and_falls_with_a_rival() -> None:
    alone = classify("invoice", "").confidence
    assert classify("invoice", "refund, payment, subscription").confidence > alone
    assert classify("invoice or laptop", "").confidence < alone


def test_a_long_body_is_cut_and_the_verdict_says_so() -> None:
    verdict = classify("Question", "word " * 20_000 + "outage")
    assert verdict.reasons[-1] == "only the beginning was analysed: 80,006 characters were left out"
    assert Label.OUTAGE not in verdict.labels


@pytest.mark.parametrize("char", ["\n", " ", "`", ">", "```\n", "a", "a ", "1,", "1 ", "'", "a:\n", "\t", "no ", "is "])
def test_hostile_repetition_takes_bounded_time(char: str) -> None:
    body = char * (100_000 // len(char))
    started = time.process_time()
    classify("", body)
    assert time.process_time() - started < 0.5


WORDS = ["no", "not", "outage", "all", "300", "users", "data loss", "urgent", "by 5pm", "production", "workaround"]
MARKS = ["invoice", "how do I", "crash", ".", "?", ":", "\n", "`", "```", "> ", "\u0130", "\u2019"]
TEXT = st.text(st.characters(codec="utf-8")) | st.lists(st.sampled_from(WORDS + MARKS)).map(" ".join)


@given(TEXT, TEXT)
def test_any_text_gives_a_valid_verdict(title: str, body: str) -> None:
    verdict = classify(title, body)
    assert isinstance(verdict, Verdict)
    assert 0 <= verdict.confidence < 1
    assert len(verdict.reasons) == 3
    assert set(verdict.labels) <= set(Label)
    assert verdict.needs_review == (verdict.confidence < REVIEW_BELOW)
    assert classify(title, body) == verdict


@given(st.lists(st.sampled_from(["Outage", "DATA loss", "invoice", "How do I", "12 of our users", "can’t log-in"])))
def test_quotes_stand_in_the_ticket(parts: list[str]) -> None:
    body = ", ".join(parts)
    quotes = [quote for reason in classify("", body).reasons for quote in reason.split('"')[1::2]]
    assert all(quote in body for quote in quotes)


def test_only_the_beginning_matters() -> None:
    body = "Invoice " + "x" * MAX_ANALYSED
    assert classify("", body + " laptop").category == classify("", body).category == "BILLING"
