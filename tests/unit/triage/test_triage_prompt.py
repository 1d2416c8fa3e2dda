"""What a model is asked about a ticket, and which answers are taken."""

import hashlib
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aiops_common.llm import AnswerRejected
from aiops_triage.domain import Label, Verdict
from aiops_triage.engine import classify
from aiops_triage.prompts import PROMPT_VERSION, TriageAnswer, applier, build_prompt
from aiops_triage.prompts.template import MAX_BODY

TITLE = "Checkout fails"
BODY = "Since the update\n3 of our shops can’t take orders."
# What is recorded beside an answer has to be what was asked: a change of wording is a new version.
TEMPLATES = {"v1": "8b3242ad259dfd24c00b3587bd8d3a7703834debc610dd450e83a73d11bb1a8c"}


def answer(**changes: object) -> TriageAnswer:
    fields: dict[str, object] = {
        "category": "INCIDENT",
        "impact": "MEDIUM",
        "urgency": "HIGH",
        "labels": ["regression"],
        "reasons": [{"statement": "Shops cannot sell.", "quote": "shops can't  take orders"}],
        "confidence": 0.8,
    }
    return TriageAnswer.model_validate(fields | changes)


def verdict(**changes: object) -> Verdict:
    engine = {"title": TITLE, "body": BODY} | changes
    return classify(str(engine["title"]), str(engine["body"]))


def apply(given_answer: TriageAnswer, engine: Verdict | None = None) -> Verdict:
    return applier(TITLE, BODY)(engine or verdict(), given_answer)


@pytest.mark.parametrize("version", TEMPLATES)
def test_a_used_template_is_never_edited(version: str) -> None:
    text = files("aiops_triage.prompts").joinpath("triage", f"{version}.md").read_bytes()
    assert hashlib.sha256(text).hexdigest() == TEMPLATES[version]
    assert PROMPT_VERSION in TEMPLATES


@given(st.text(), st.text())
def test_the_ticket_changes_neither_the_instructions_nor_its_place(title: str, body: str) -> None:
    prompt = build_prompt(title, body, verdict())
    assert prompt.system == build_prompt("", "", verdict()).system
    tag = re.findall(r"<(ticket-[0-9a-f]{16})>", prompt.user)[0]
    before, inside, after = re.split(f"\n</?{tag}>", prompt.user)
    assert inside == f"\nTitle: {title}\n\n{body}"
    assert after == ""
    assert build_prompt("", "", verdict()).user.startswith(before.split(" inside the tag ")[0])


def test_placeholders_of_the_template_are_not_filled_from_the_ticket() -> None:
    assert "$category ${labels}" in build_prompt("x", "$category ${labels}", verdict()).user


def test_a_long_body_is_cut_and_the_prompt_says_so() -> None:
    prompt = build_prompt("x", "y" * (MAX_BODY + 7), verdict())
    assert "the last 7 characters were left out" in prompt.user
    assert "y" * (MAX_BODY + 1) not in prompt.user


def test_the_prompt_names_the_closed_sets_and_the_engines_verdict() -> None:
    prompt = build_prompt(TITLE, BODY, verdict())
    assert "$" not in prompt.system
    assert all(label in prompt.system for label in Label)
    assert f"category {verdict().category}" in prompt.user


def test_an_answer_is_applied_and_the_matrix_decides_the_priority() -> None:
    improved = apply(answer())
    assert (improved.category, improved.severity, improved.priority) == ("INCIDENT", "HIGH", "P2")
    assert improved.labels == (Label.REGRESSION,)
    assert improved.reasons == ('Shops cannot sell. ("shops can\'t  take orders")',)


@pytest.mark.parametrize(
    "reason",
    [
        {"statement": "Everything is lost.", "quote": "all data is lost"},
        {"statement": 'They say "we are bankrupt".', "quote": "Checkout"},
        {"statement": "40 shops are affected.", "quote": "Checkout"},
        {"statement": "Nothing to prove.", "quote": " . "},
    ],
)
def test_a_reason_that_the_ticket_does_not_bear_out_is_rejected(reason: dict[str, str]) -> None:
    with pytest.raises(AnswerRejected):
        apply(answer(reasons=[reason]))


def test_a_number_of_the_ticket_may_be_stated() -> None:
    assert apply(answer(reasons=[{"statement": "3 shops are affected.", "quote": "3 of our shops"}])).reasons


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["made-up"]},
        {"category": "SPAM"},
        {"impact": "HUGE"},
        {"confidence": 1.2},
        {"reasons": []},
        {"priority": "P1"},
    ],
)
def test_an_answer_outside_the_closed_sets_is_invalid(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        answer(**changes)


def test_a_person_settles_it_when_the_model_contradicts_a_sure_engine() -> None:
    sure = verdict(title="Invoice", body="refund the payment, invoice charged twice")
    assert not sure.needs_review
    assert apply(answer(), sure).needs_review
    assert not apply(answer(category="BILLING"), sure).needs_review


def test_a_person_settles_it_when_the_model_plays_a_ticket_down() -> None:
    grave = verdict(title="Outage", body="Production is down for everyone, outage, 503")
    assert grave.priority == "P1"
    assert apply(answer(impact="LOW", urgency="LOW"), grave).needs_review
    assert not apply(answer(impact="MEDIUM", urgency="HIGH"), grave).needs_review
