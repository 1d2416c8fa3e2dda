"""Inputs become messages, and mistakes in them are told by the names that clients know."""

from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel

from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.credentials import SignUpForm
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TriageTicket
from aiops_gateway.graphql.inputs import InvalidInput, camel, to_message, unusable

TICKET = {"title": "t", "body": "b"}


def problems(kind: type[BaseModel], values: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as error:
        to_message(kind, values)
    return {".".join(path): message for path, message in error.value.problems}


def test_none_counts_as_not_given() -> None:
    ticket = to_message(TriageTicket, {**TICKET, "reporter_email": None, "source": None})
    assert ticket == TriageTicket(title="t", body="b")
    commits = [{"message": "fix: x", "hash": None, "paths": None}]
    changelog = to_message(GenerateChangelog, {"project": "p", "commits": commits, "entries": None})
    assert changelog.commits is not None
    assert (changelog.commits[0].hash, changelog.commits[0].paths) == (None, ())


@pytest.mark.parametrize(
    ("kind", "values", "path"),
    [
        (TriageTicket, {**TICKET, "title": ""}, "title"),
        (TriageTicket, {**TICKET, "title": "x" * 501}, "title"),
        (TriageTicket, {**TICKET, "body": "a\0b"}, "body"),
        (TriageTicket, {**TICKET, "reporter_email": "nobody"}, "reporterEmail"),
        (SummarizeLog, {"source": "s", "content": ""}, "content"),
        (
            SignUpForm,
            {"email": "a@b.example", "password": "p", "display_name": "\ud800", "answer_key": "k"},
            "displayName",
        ),
        (GenerateChangelog, {"project": "p", "previous_release": "", "commits": []}, "previousRelease"),
        (GenerateChangelog, {"project": "p", "commits": [{"message": "m"}, {"message": ""}]}, "commits.1.message"),
        (GenerateChangelog, {"project": "p", "commits": [{"message": "m", "hash": "xyz"}]}, "commits.0.hash"),
        (
            GenerateChangelog,
            {"project": "p", "commits": [{"message": "m", "committed_at": "x"}]},
            "commits.0.committedAt",
        ),
        (GenerateChangelog, {"project": "p", "entries": [{"section": "X", "text": "t"}]}, "entries.0.section"),
        (GenerateChangelog, {"project": "p"}, ""),
        (GenerateChangelog, {"project": "p", "commits": [], "entries": []}, ""),
    ],
)
def test_a_mistake_is_told_with_its_path(kind: type[BaseModel], values: dict[str, Any], path: str) -> None:
    told = problems(kind, values)
    assert list(told) == [path]
    assert told[path]
    assert not told[path].startswith(("Value error", "String", "Tuple"))


def test_all_mistakes_are_told_at_once() -> None:
    assert set(problems(TriageTicket, {"title": "", "body": "a\0b"})) == {"title", "body"}


def test_what_was_wrong_is_not_quoted() -> None:
    values = {"email": "hunter2\0", "password": "p", "display_name": "hunter2\ud800", "answer_key": "k"}
    told = problems(SignUpForm, values)
    assert set(told) == {"email", "displayName"}
    assert "hunter2" not in str(told)


@pytest.mark.parametrize(("name", "shown"), [("title", "title"), ("reporter_email", "reporterEmail"), ("0", "0")])
def test_names_as_clients_know_them(name: str, shown: str) -> None:
    assert camel(name) == shown


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_utc_does_not_have_is_a_mistake(moment: str) -> None:
    assert unusable(datetime.fromisoformat(moment)) == "must lie within the years 1 to 9999 in UTC"
    commits = [{"message": "m", "committed_at": moment}]
    assert list(problems(GenerateChangelog, {"project": "p", "commits": commits})) == ["commits.0.committedAt"]
