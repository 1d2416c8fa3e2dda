"""The domain types of each service fit the contract's: same names, same values, so that nothing is mapped by hand."""

import dataclasses
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from aiops_auth import domain as auth
from aiops_changelog import domain as changelog
from aiops_contracts import auth as auth_contract
from aiops_contracts import base
from aiops_contracts import changelog as changelog_contract
from aiops_contracts import summarizer as summarizer_contract
from aiops_contracts import triage as triage_contract
from aiops_gateway.domain import access
from aiops_summarizer import domain as summarizer
from aiops_triage import domain as triage

NOW = datetime(2025, 3, 4, 9, 15, tzinfo=UTC)
ID = UUID(int=7)

PAIRS: list[tuple[type, type[BaseModel]]] = [
    (summarizer.LogEntry, summarizer_contract.LogSnapshot),
    (summarizer.LogSummary, summarizer_contract.LogSummary),
    (summarizer.LogPattern, summarizer_contract.LogPattern),
    (triage.Ticket, triage_contract.TicketSnapshot),
    (triage.Triage, triage_contract.TriageResult),
    (triage.SimilarTicket, triage_contract.SimilarTicket),
    (changelog.Changelog, changelog_contract.ChangelogSnapshot),
    (changelog.ChangelogSection, changelog_contract.ChangelogSection),
    (changelog.ChangelogEntry, changelog_contract.ChangelogEntry),
    (changelog.Commit, changelog_contract.CommitInput),
    (changelog.Entry, changelog_contract.EntryInput),
    (changelog.EntryEdit, changelog_contract.EntryEdit),
    (auth.Account, auth_contract.UserSnapshot),
    *((domain.Provenance, base.Provenance) for domain in (summarizer, triage, changelog)),
    *((domain.JobFailure, base.JobFailure) for domain in (summarizer, triage, changelog)),
]

ENUMS: list[tuple[type[StrEnum], type[StrEnum]]] = [
    (summarizer.LogLevel, summarizer_contract.LogLevel),
    (summarizer.Severity, base.Severity),
    (triage.Severity, base.Severity),
    (triage.Priority, triage_contract.Priority),
    (triage.TicketCategory, triage_contract.TicketCategory),
    (triage.TicketStatus, triage_contract.TicketStatus),
    (changelog.ChangeSection, changelog_contract.ChangeSection),
    (changelog.Bump, changelog_contract.Bump),
    (changelog.ChangelogStatus, changelog_contract.ChangelogStatus),
    (auth.Role, auth_contract.Role),
    (access.Role, auth_contract.Role),
    *((domain.JobState, base.JobState) for domain in (summarizer, triage, changelog)),
    *((domain.Engine, base.Engine) for domain in (summarizer, triage, changelog)),
]


@pytest.mark.parametrize(("domain", "contract"), PAIRS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_domain_type_has_every_field_of_its_contract(domain: Any, contract: type[BaseModel]) -> None:
    assert set(contract.model_fields) - {field.name for field in dataclasses.fields(domain)} == set()


@pytest.mark.parametrize(("domain", "contract"), ENUMS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_a_domain_enumeration_has_the_values_of_its_contract(domain: type[StrEnum], contract: type[StrEnum]) -> None:
    assert [(m.name, m.value) for m in domain] == [(m.name, m.value) for m in contract]


def _fields_of(contract: BaseModel, domain: Any) -> None:
    """Every value of ``contract`` is that of ``domain``, all the way down."""
    for name in type(contract).model_fields:
        ours, theirs = getattr(domain, name), getattr(contract, name)
        if isinstance(theirs, BaseModel):
            _fields_of(theirs, ours)
        elif isinstance(theirs, tuple) and theirs and isinstance(theirs[0], BaseModel):
            assert len(ours) == len(theirs)
            for one, other in zip(theirs, ours, strict=True):
                _fields_of(one, other)
        else:
            assert theirs == ours, name


def test_a_log_entry_becomes_its_snapshot() -> None:
    pattern = summarizer.LogPattern("p1", "a <*>", summarizer.LogLevel.ERROR, 2, NOW, None, 1, "a 1")
    entry = summarizer.LogEntry(
        id=ID, version=3, source="api", content="a 1\na 2\n", line_count=2, byte_count=8,
        state=summarizer.JobState.SUCCEEDED, created_at=NOW, updated_at=NOW, trace_id="t",
        summary=summarizer.LogSummary(
            headline="h", text="t", severity=summarizer.Severity.HIGH, first_seen=NOW, last_seen=None,
            patterns=(pattern,), pattern_count=1, redactions=0,
            provenance=summarizer.Provenance(summarizer.Engine.LLM, 5, model="m", prompt_version="v1"),
        ),
    )  # fmt: skip
    _fields_of(summarizer_contract.LogSnapshot.model_validate(entry), entry)


def test_a_ticket_becomes_its_snapshot() -> None:
    verdict = triage.Verdict(
        category=triage.TicketCategory.BUG, severity=triage.Severity.LOW, priority=triage.Priority.P4,
        confidence=0.7, needs_review=False, reasons=("a",), labels=(triage.Label.REGRESSION,),
    )  # fmt: skip
    provenance = triage.Provenance(
        engine=triage.Engine.BUILTIN, duration_ms=1, degraded=True, degraded_reason="timeout"
    )
    ticket = triage.Ticket(
        id=ID, version=1, title="t", body="b", source="s", created_at=NOW, updated_at=NOW,
        state=triage.JobState.FAILED,
        triage=triage.Triage.of(
            verdict, provenance, model_version="m2",
            similar=(triage.SimilarTicket(ticket_id=ID, title="t", score=0.8),),
        ),
        failure=triage.JobFailure(code="c", message="m", attempts=5), reporter_email="ada@example.com",
    ).correct(triage.Change(category=triage.TicketCategory.HR), ID, NOW)  # fmt: skip
    _fields_of(triage_contract.TicketSnapshot.model_validate(ticket), ticket)


def test_a_changelog_becomes_its_snapshot() -> None:
    entry = changelog.ChangelogEntry("remember", "cart", "feat", True, ("9f2c",), ("#1",), ("Ada",), False, "e1")
    record = changelog.Changelog(
        id=ID, version=2, state=changelog.JobState.SUCCEEDED, project="p", created_at=NOW, updated_at=NOW,
        release="2.0.0", suggested_bump=changelog.Bump.MAJOR, bump_reason="r",
        status=changelog.ChangelogStatus.APPROVED, approved_by=ID, approved_at=NOW,
        sections=(changelog.ChangelogSection(changelog.ChangeSection.BREAKING, (entry,)),),
        reverted=(entry,), needs_review=(entry, entry), markdown="m", summary="s",
        provenance=changelog.Provenance(changelog.Engine.BUILTIN, 3),
    )  # fmt: skip
    _fields_of(changelog_contract.ChangelogSnapshot.model_validate(record), record)


def test_an_account_becomes_its_snapshot_without_its_password() -> None:
    account = auth.Account(ID, 1, "ada@example.com", "Ada", auth.Role.OPS, NOW, NOW, "$argon2id$x")
    snapshot = auth_contract.UserSnapshot.model_validate(account)
    _fields_of(snapshot, account)
    assert "argon2" not in snapshot.model_dump_json()
