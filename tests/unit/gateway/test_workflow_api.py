"""Corrections and changelogs' ways from draft to publication through the schema, over owners in memory."""

from typing import Any
from uuid import UUID

import pytest

from aiops_contracts.base import Engine, JobState, Provenance, Severity
from aiops_contracts.changelog import (
    ChangelogEntry,
    ChangelogReply,
    ChangelogSection,
    ChangelogSnapshot,
    ChangelogStatus,
    ChangeSection,
    EditChangelog,
    EntryEdit,
    UpdateChangelogStatus,
)
from aiops_contracts.triage import (
    CorrectTriage,
    Priority,
    SimilarTicket,
    TicketCategory,
    TriageCorrectionReply,
    TriageResult,
)
from aiops_gateway.domain.access import PrincipalKind, Role, Viewer, may_use
from aiops_gateway.graphql.ids import to_global_id
from unit.gateway.fake_api import START, Api, ticket

SUBJECT, SOMEBODY, OTHER = UUID(int=7), UUID(int=3), UUID(int=8)
TICKET, NOTES = to_global_id("Ticket", SUBJECT), to_global_id("Changelog", SUBJECT)
CURRENT = ticket(7)
ERRORS = "userErrors { code field message }"
TRIAGE = "triage { category modelVersion similar { ticketId title score } correctedBy correctedAt }"
CORRECT = f"""mutation($input: CorrectTriageInput!) {{ correctTriage(input: $input) {{
  ticket {{ version body reporterEmail {TRIAGE} }} {ERRORS} }} }}"""
EDIT = f"""mutation($input: EditChangelogInput!) {{ editChangelog(input: $input) {{
  changelog {{ version status sections {{ entries {{ entryId }} }} }} {ERRORS} }} }}"""
MOVE = f"""mutation($input: ChangelogStatusInput!) {{ %s(input: $input) {{
  changelog {{ version status approvedBy approvedAt publishedBy bumpReason }} {ERRORS} }} }}"""


class Workflow:
    """Answers with ``reply``; ``asked`` says what was asked."""

    def __init__(self, reply: Any) -> None:
        self.reply = reply
        self.asked: list[Any] = []

    async def correct_triage(self, _viewer: Viewer, request: CorrectTriage, key: str | None, _address: object) -> Any:
        self.asked.append((request, key))
        return self.reply

    edit_changelog = correct_triage

    async def update_changelog_status(
        self, _viewer: Viewer, operation: str, request: UpdateChangelogStatus, key: str | None, _address: object
    ) -> Any:
        self.asked.append((operation, request, key))
        return self.reply


def api(workflow: Workflow, role: Role = Role.OPS, kind: PrincipalKind = PrincipalKind.USER) -> Api:
    return Api(Viewer(SOMEBODY, role, kind), workflow=workflow)


def notes(status: ChangelogStatus = ChangelogStatus.DRAFT, **others: Any) -> ChangelogSnapshot:
    section = ChangelogSection(section=ChangeSection.ADDED, entries=(ChangelogEntry(id="e1", text="Paging"),))
    return ChangelogSnapshot(
        id=SUBJECT, version=4, state=JobState.SUCCEEDED, created_at=START, updated_at=START, project="shop",
        status=status, sections=(section,), **others,
    )  # fmt: skip


def corrected() -> TriageCorrectionReply:
    similar = SimilarTicket(ticket_id=OTHER, title="An older one", score=0.75)
    decided = TriageResult(
        category=TicketCategory.HR, severity=Severity.LOW, priority=Priority.P4, confidence=1, needs_review=False,
        reasons=(), model_version="m-3", similar=(similar,), corrected_by=SOMEBODY, corrected_at=START,
        provenance=Provenance(engine=Engine.BUILTIN, duration_ms=1),
    )  # fmt: skip
    current = ticket(7).model_copy(update={"version": 2, "triage": decided})
    return TriageCorrectionReply(outcome="UPDATED", ticket=current)


async def test_a_correction_says_who_made_it_and_what_is_like_the_ticket() -> None:
    workflow = Workflow(corrected())
    values = {"ticketId": TICKET, "category": "HR", "comment": "wages", "expectedVersion": 1, "idempotencyKey": "k"}
    told = await api(workflow).data(CORRECT, input=values)
    assert told["userErrors"] == []
    assert told["ticket"]["triage"] == {
        "category": "HR", "modelVersion": "m-3", "correctedBy": to_global_id("User", SOMEBODY),
        "correctedAt": START.isoformat(),
        "similar": [{"ticketId": to_global_id("Ticket", OTHER), "title": "An older one", "score": 0.75}],
    }  # fmt: skip
    wanted = CorrectTriage(
        ticket_id=SUBJECT, expected_version=1, category=TicketCategory.HR, comment="wages", corrected_by=SOMEBODY
    )
    assert workflow.asked == [(wanted, "k")]


@pytest.mark.parametrize(("role", "hidden"), [(Role.HR, set()), (Role.OPS, {"reporterEmail"})])
async def test_what_is_corrected_is_masked_as_it_always_is(role: Role, hidden: set[str]) -> None:
    values = {"ticketId": TICKET, "severity": "HIGH", "expectedVersion": 1}
    told = await api(Workflow(corrected()), role).data(CORRECT, input=values)
    assert {name for name in ("body", "reporterEmail") if told["ticket"][name] is None} == hidden


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (TriageCorrectionReply(outcome="NOT_FOUND"), ("NOT_FOUND", ["ticketId"])),
        (
            TriageCorrectionReply(outcome="VERSION_CONFLICT", ticket=ticket(7)),
            ("VERSION_CONFLICT", ["expectedVersion"]),
        ),
        (TriageCorrectionReply(outcome="NOT_TRIAGED", ticket=ticket(7)), ("NOT_READY", ["ticketId"])),
    ],
)
async def test_a_correction_that_cannot_be_is_told_with_the_current_ticket(
    reply: TriageCorrectionReply, expected: tuple[str, list[str]]
) -> None:
    values = {"ticketId": TICKET, "priority": "P1", "expectedVersion": 5}
    told = await api(Workflow(reply)).data(CORRECT, input=values)
    ((code, field),) = [(error["code"], error["field"]) for error in told["userErrors"]]
    assert (code, field) == expected
    assert (told["ticket"] is None) == (reply.ticket is None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": None}, None),
        ({"comment": "x" * 2001}, ["comment"]),
        ({"comment": "\x00"}, ["comment"]),
        ({"idempotencyKey": ""}, ["idempotencyKey"]),
        ({"expectedVersion": 2**31 - 1, "category": None}, None),
    ],
)
async def test_a_correction_that_breaks_a_rule_is_not_asked_for(change: dict[str, object], field: object) -> None:
    workflow = Workflow(corrected())
    values = {"ticketId": TICKET, "category": "HR", "expectedVersion": 1, **change}
    told = await api(workflow).data(CORRECT, input=values)
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [("INVALID_INPUT", field)]
    assert workflow.asked == []


@pytest.mark.parametrize(
    ("document", "values", "field"),
    [
        (CORRECT, {"ticketId": NOTES, "category": "HR"}, "ticketId"),
        (EDIT, {"changelogId": TICKET, "release": "2"}, "changelogId"),
        (MOVE % "approveChangelog", {"changelogId": "nonsense"}, "changelogId"),
        (MOVE % "publishChangelog", {"changelogId": TICKET}, "changelogId"),
        (MOVE % "reopenChangelog", {"changelogId": TICKET}, "changelogId"),
    ],
)
async def test_the_id_of_something_else_is_not_found(document: str, values: dict[str, object], field: str) -> None:
    workflow = Workflow(None)
    told = await api(workflow).data(document, input={**values, "expectedVersion": 1})
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [("NOT_FOUND", [field])]
    assert workflow.asked == []


async def test_an_edit_names_its_entries() -> None:
    workflow = Workflow(ChangelogReply(outcome="UPDATED", changelog=notes()))
    edits = [{"entryId": "e1", "text": "Paging of lists", "section": "FIXED"}, {"entryId": "e2", "scope": ""}]
    values = {"changelogId": NOTES, "expectedVersion": 3, "entries": edits, "release": "2.0", "summary": ""}
    told = await api(workflow).data(EDIT, input=values)
    assert told["changelog"] == {"version": 4, "status": "DRAFT", "sections": [{"entries": [{"entryId": "e1"}]}]}
    wanted = EditChangelog(
        changelog_id=SUBJECT, expected_version=3, release="2.0", summary="", edited_by=SOMEBODY,
        entries=(
            EntryEdit(entry_id="e1", text="Paging of lists", section=ChangeSection.FIXED),
            EntryEdit(entry_id="e2", scope=""),
        ),
    )  # fmt: skip
    assert workflow.asked == [(wanted, None)]


@pytest.mark.parametrize(
    ("edits", "field"),
    [
        ({}, None),
        ({"entries": []}, None),
        ({"release": ""}, ["release"]),
        ({"summary": "x" * (64 * 1024 + 1)}, ["summary"]),
        ({"entries": [{"entryId": "e1", "text": "x"}, {"entryId": "e2", "text": ""}]}, ["entries", "1", "text"]),
        ({"entries": [{"entryId": "", "text": "x"}]}, ["entries", "0", "entryId"]),
        ({"entries": [{"entryId": "a\u0000b", "text": "x"}]}, ["entries", "0", "entryId"]),
        ({"entries": [{"entryId": "a\u0000b"}], "idempotencyKey": "k"}, ["entries", "0", "entryId"]),
        ({"entries": [{"entryId": "e", "text": "x"}] * 10_001}, ["entries"]),
    ],
)
async def test_an_edit_that_breaks_a_rule_is_not_asked_for(edits: dict[str, object], field: object) -> None:
    workflow = Workflow(None)
    told = await api(workflow).data(EDIT, input={"changelogId": NOTES, "expectedVersion": 1, **edits})
    assert [(error["code"], error["field"]) for error in told["userErrors"]] == [("INVALID_INPUT", field)]
    assert workflow.asked == []


@pytest.mark.parametrize(
    ("operation", "status"),
    [("approveChangelog", "APPROVED"), ("publishChangelog", "PUBLISHED"), ("reopenChangelog", "DRAFT")],
)
async def test_each_way_leads_to_its_status(operation: str, status: str) -> None:
    moved = notes(ChangelogStatus(status), approved_by=SOMEBODY, approved_at=START, bump_reason="a1b2c3d")
    workflow = Workflow(ChangelogReply(outcome="UPDATED", changelog=moved))
    values = {"changelogId": NOTES, "expectedVersion": 3, "idempotencyKey": "k"}
    told = await api(workflow).data(MOVE % operation, input=values)
    assert told == {
        "changelog": {
            "version": 4, "status": status, "approvedBy": to_global_id("User", SOMEBODY),
            "approvedAt": START.isoformat(), "publishedBy": None, "bumpReason": "a1b2c3d",
        },
        "userErrors": [],
    }  # fmt: skip
    wanted = UpdateChangelogStatus(
        changelog_id=SUBJECT, expected_version=3, status=ChangelogStatus(status), changed_by=SOMEBODY
    )
    assert workflow.asked == [(operation, wanted, "k")]


REFUSED: list[tuple[ChangelogReply, str, object, str]] = [
    (ChangelogReply(outcome="NOT_FOUND"), "NOT_FOUND", ["changelogId"], "there is no such changelog"),
    (ChangelogReply(outcome="NOT_READY", changelog=notes()), "NOT_READY", ["changelogId"], "is not generated"),
    (
        ChangelogReply(outcome="VERSION_CONFLICT", changelog=notes()),
        "VERSION_CONFLICT", ["expectedVersion"], "is at version 4, not 3",
    ),
    (ChangelogReply(outcome="TOO_LARGE", changelog=notes()), "INVALID_INPUT", None, "too large"),
    (ChangelogReply(outcome="TOO_LARGE"), "INVALID_INPUT", None, "too large"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "code", "field", "words"), REFUSED, ids=lambda one: getattr(one, "outcome", ""))
@pytest.mark.parametrize("document", [EDIT, MOVE % "publishChangelog"], ids=["edit", "publish"])
async def test_what_cannot_be_is_told_with_the_current_changelog(
    document: str, reply: ChangelogReply, code: str, field: object, words: str
) -> None:
    error = await refused(document, reply)
    assert (error["code"], error["field"]) == (code, field)
    assert words in error["message"]


def not_from(status: ChangelogStatus | None, *allowed: ChangelogStatus) -> ChangelogReply:
    changelog = notes(status) if status else None
    return ChangelogReply(outcome="INVALID_TRANSITION", changelog=changelog, allowed=allowed)


def no_draft(status: ChangelogStatus | None) -> ChangelogReply:
    return ChangelogReply(outcome="NOT_A_DRAFT", changelog=notes(status) if status else None)


DRAFT, APPROVED, PUBLISHED = ChangelogStatus
PUBLISH, REOPEN = MOVE % "publishChangelog", MOVE % "reopenChangelog"


@pytest.mark.parametrize(
    ("document", "reply", "message"),
    [
        (EDIT, no_draft(APPROVED), "a changelog that is APPROVED cannot be edited; reopen it first"),
        (EDIT, no_draft(PUBLISHED), "a changelog that is PUBLISHED cannot be edited any more"),
        (EDIT, no_draft(None), "the changelog was no draft, and only drafts can be edited"),
        (
            PUBLISH, not_from(DRAFT, APPROVED),
            "a changelog that is DRAFT cannot become PUBLISHED; it can become APPROVED",
        ),
        (REOPEN, not_from(PUBLISHED), "a changelog that is PUBLISHED cannot become DRAFT; it stays so for good"),
        (
            MOVE % "approveChangelog", not_from(APPROVED, PUBLISHED, DRAFT),
            "a changelog that is APPROVED cannot become APPROVED; it can become PUBLISHED, DRAFT",
        ),
        (PUBLISH, not_from(None, APPROVED), "the changelog could not become PUBLISHED; it could become APPROVED"),
        (REOPEN, not_from(None), "the changelog could not become DRAFT; it stays as it is for good"),
    ],
)  # fmt: skip
async def test_a_refused_step_names_what_was_asked_for(document: str, reply: ChangelogReply, message: str) -> None:
    error = await refused(document, reply)
    assert error == {"code": "INVALID_TRANSITION", "field": ["changelogId"], "message": message}


async def refused(document: str, reply: ChangelogReply) -> Any:
    values = {"changelogId": NOTES, "expectedVersion": 3, **({"release": "2"} if document is EDIT else {})}
    told = await api(Workflow(reply)).data(document, input=values)
    assert (told["changelog"] is None) == (reply.changelog is None)
    (error,) = told["userErrors"]
    return error


async def test_each_unknown_entry_is_named_up_to_a_bound() -> None:
    edits = [{"entryId": f"e{number}", "text": "x"} for number in range(60)]
    unknown = tuple(f"e{number}" for number in range(0, 60, 2))
    reply = ChangelogReply(outcome="UNKNOWN_ENTRY", changelog=notes(), unknown=unknown)
    values = {"changelogId": NOTES, "expectedVersion": 4, "entries": edits}
    errors = (await api(Workflow(reply)).data(EDIT, input=values))["userErrors"]
    assert {error["code"] for error in errors} == {"NOT_FOUND"}
    assert [error["field"] for error in errors[:2]] == [["entries", "0", "entryId"], ["entries", "2", "entryId"]]
    assert (len(errors), errors[-1]["field"]) == (21, ["entries"])


@pytest.mark.parametrize("operation", ["correctTriage", "approveChangelog", "publishChangelog"])
def test_what_somebody_stands_for_is_not_for_machines(operation: str) -> None:
    assert may_use(Viewer(SOMEBODY, Role.ADMIN), operation)
    assert not may_use(Viewer(SOMEBODY, Role.ADMIN, PrincipalKind.API_KEY), operation)


@pytest.mark.parametrize("operation", ["editChangelog", "reopenChangelog"])
def test_what_can_be_undone_is_for_machines_too(operation: str) -> None:
    assert may_use(Viewer(SOMEBODY, Role.OPS, PrincipalKind.API_KEY), operation)
