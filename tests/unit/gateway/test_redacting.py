"""What clients send, as it travels: redacted, within the contracts' limits, and a log as it came in only sealed."""

import asyncio
import base64
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_common.messaging.message import new_message_id
from aiops_common.redaction import redact
from aiops_contracts.changelog import (
    ChangeSection,
    CommitInput,
    EditChangelog,
    EntryEdit,
    EntryInput,
    GenerateChangelog,
)
from aiops_contracts.summarizer import MAX_LOG_BYTES, SummarizeLog
from aiops_contracts.triage import MAX_TITLE_LENGTH, TriageTicket
from aiops_gateway.service.pending import Origin, pending_log, pending_ticket
from aiops_gateway.service.redacting import redacted_changelog, redacted_edit, redacted_log, redacted_ticket
from support.canaries import CANARIES, LINES, TEXT
from support.content_keys import keyring

LOG_ID = new_message_id()
MAIL = CANARIES["e-mail"]
KEYRING = keyring()


@pytest.fixture
def pending_origin() -> Origin:
    return Origin(LOG_ID, datetime.now(UTC), "user:x", None)


def _sightings(text: str) -> list[str]:
    return [kind for kind, canary in CANARIES.items() if canary in text]


@pytest.mark.parametrize("content", [TEXT, f"{TEXT}\n" * 100])
async def test_a_log_travels_redacted_and_sealed(content: str) -> None:
    redacted = await redacted_log(SummarizeLog(source=f"web of {MAIL}", content=content), LOG_ID, KEYRING)
    assert _sightings(redacted.model_dump_json()) == []
    assert redacted.redacted
    assert (redacted.redactions, redacted.byte_count) == (redact(content).count, len(content.encode()))
    assert redacted.sealed_content is not None
    assert KEYRING.open(base64.b64decode(redacted.sealed_content), about=LOG_ID) == content
    assert SummarizeLog.model_validate_json(redacted.model_dump_json()) == redacted


async def test_a_log_that_redaction_makes_longer_than_the_limit_still_travels() -> None:
    content = "\n".join(f"pw: pwd=a{number:05}" for number in range(52_000))[:MAX_LOG_BYTES]
    redacted = await redacted_log(SummarizeLog(source="web", content=content), LOG_ID, KEYRING)
    assert len(redacted.content) > MAX_LOG_BYTES
    assert SummarizeLog.model_validate_json(redacted.model_dump_json()) == redacted


async def test_the_row_that_readers_see_counts_as_the_log_came_in(pending_origin: Origin) -> None:
    redacted = await redacted_log(SummarizeLog(source="web", content=f"{TEXT}\nä\n"), LOG_ID, KEYRING)
    row = pending_log(redacted, pending_origin)
    assert (row.byte_count, row.line_count) == (len(f"{TEXT}\nä\n".encode()), redacted.content.count("\n"))
    assert row.content == redacted.content


async def test_a_ticket_travels_redacted_with_its_reporter(pending_origin: Origin) -> None:
    title = "a@b.co " * 71
    ticket = TriageTicket(title=title.strip(), body=TEXT, reporter_email="rita@example.com", source=MAIL)
    redacted = await redacted_ticket(ticket)
    assert _sightings(redacted.model_dump_json()) == []
    assert redacted.redacted
    assert redacted.reporter_email == "rita@example.com"
    assert len(redacted.title) <= MAX_TITLE_LENGTH
    assert redacted.title.rstrip().endswith(">")
    assert TriageTicket.model_validate_json(redacted.model_dump_json()) == redacted
    assert pending_ticket(redacted, pending_origin).title == redacted.title


async def test_a_changelog_travels_redacted_with_its_authors() -> None:
    commits = tuple(
        CommitInput(message=f"fix: {line}", author=f"Carla Rossi <{MAIL}>", paths=(f"src/{MAIL}.py", "docs/a.md"))
        for line in LINES
    )
    redacted = await redacted_changelog(GenerateChangelog(project=f"shop {MAIL}", release="10.0.0.7", commits=commits))
    assert _sightings(redacted.model_dump_json()) == []
    assert redacted.redacted
    assert redacted.release == "10.0.0.7", "a name may be an address"
    assert {commit.author for commit in redacted.commits or ()} == {"Carla Rossi <<EMAIL_1>>"}
    assert {commit.paths[1] for commit in redacted.commits or ()} == {"docs/a.md"}
    assert GenerateChangelog.model_validate_json(redacted.model_dump_json()) == redacted


async def test_entries_travel_redacted() -> None:
    entries = tuple(
        EntryInput(
            section=ChangeSection.FIXED, text=line, scope=MAIL, references=(MAIL, "#12"), authors=(f"Carla <{MAIL}>",)
        )
        for line in LINES
    )
    redacted = await redacted_changelog(GenerateChangelog(project="shop", entries=entries))
    assert _sightings(redacted.model_dump_json()) == []
    assert {entry.references[1] for entry in redacted.entries or ()} == {"#12"}


@pytest.mark.parametrize(
    "work",
    [
        lambda: redacted_edit(edit_of(EntryEdit(entry_id="c1", section=ChangeSection.FIXED))),
        lambda: redacted_edit(edit_of(EntryEdit(entry_id="c1", scope="payments of the shop"))),
        lambda: redacted_changelog(
            GenerateChangelog(
                project="shop",
                entries=(EntryInput(section=ChangeSection.FIXED, text="x", references=("#12",) * 20),) * 300,
            )
        ),
        lambda: redacted_changelog(GenerateChangelog(project="shop", commits=(CommitInput(message="x"),) * 2_000)),
    ],
    ids=["sections", "scopes", "references", "many short commits"],
)
async def test_what_takes_long_to_redact_does_not_hold_up_others(work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    redacting = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert not redacting.done()
    await redacting


def edit_of(entry: EntryEdit) -> EditChangelog:
    return EditChangelog(changelog_id=LOG_ID, expected_version=1, entries=(entry,) * 2_000, edited_by=LOG_ID)


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["a@b.co", "pwd=abc", "10.1.2.3", "word", "<EMAIL_1>", "\n", " "]), max_size=900))
async def test_whatever_a_client_may_send_may_travel(pieces: list[str]) -> None:
    text = " ".join(pieces)
    ticket = TriageTicket(title=(text or "t")[:MAX_TITLE_LENGTH], body=text, source=(text or "s")[:200])
    redacted = await redacted_ticket(ticket)
    assert TriageTicket.model_validate_json(redacted.model_dump_json()) == redacted
    commit = CommitInput(message=text or "m", author=text[:320], paths=(text[:4096],))
    changelog = await redacted_changelog(GenerateChangelog(project=(text or "p")[:200], commits=(commit,)))
    assert GenerateChangelog.model_validate_json(changelog.model_dump_json()) == changelog
