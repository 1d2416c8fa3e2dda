"""Commands and requests as they travel: what clients sent is redacted before it is written or published anywhere.

Only a log is kept as it came in, encrypted.
"""

import asyncio
import base64
from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID

from pydantic import BaseModel

from aiops_common.redaction import redact, redact_fields
from aiops_common.sealing import Keyring
from aiops_contracts import changelog, summarizer, triage
from aiops_contracts.changelog import EditChangelog, GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import CorrectTriage, TriageTicket

T = TypeVar("T")

_INLINE_CHARS = 16 * 1024
"""Longer texts are redacted and sealed in a thread, so that the event loop stays free."""


async def redacted_log(command: SummarizeLog, log_id: UUID, keyring: Keyring) -> SummarizeLog:
    """The command with the log redacted and, sealed about ``log_id``, as it came in."""
    return await _aside(lambda: _redacted_log(command, log_id, keyring), len(command.content))


async def redacted_ticket(command: TriageTicket) -> TriageTicket:
    """The command with title and body redacted; the reporter's address is a field of its own and stays."""
    return await _aside(lambda: _redacted_ticket(command), len(command.body))


async def redacted_changelog(command: GenerateChangelog) -> GenerateChangelog:
    """The command with all texts of commits and entries redacted; the names of authors stay."""
    parts = (*(command.commits or ()), *(command.entries or ()))
    return await _aside(lambda: _redacted_changelog(command), _chars(parts))


async def redacted_edit(request: EditChangelog) -> EditChangelog:
    """The request with all texts and names redacted."""
    return await _aside(lambda: _redacted_edit(request), len(request.summary or "") + _chars(request.entries))


def redacted_correction(request: CorrectTriage) -> CorrectTriage:
    """The request with the comment redacted."""
    return redact_fields(request, texts={"comment": triage.MAX_COMMENT_LENGTH})


def _chars(parts: Iterable[BaseModel]) -> int:
    """Of ``parts`` with all that they have, since each field takes a while; not counted on where it is too much."""
    chars = 0
    for part in parts:
        chars += len(part.model_dump_json())
        if chars > _INLINE_CHARS:
            break
    return chars


async def _aside(work: Callable[[], T], chars: int) -> T:
    return work() if chars <= _INLINE_CHARS else await asyncio.to_thread(work)


def _redacted_log(command: SummarizeLog, log_id: UUID, keyring: Keyring) -> SummarizeLog:
    redacted = redact(command.content)
    named = redact_fields(command, texts={}, names={"source": summarizer.MAX_SOURCE_LENGTH})
    return named.model_copy(
        update={
            "content": redacted.text,
            "redacted": True,
            "redactions": redacted.count,
            "byte_count": len(command.content.encode()),
            "sealed_content": base64.b64encode(keyring.seal(command.content, about=log_id)).decode(),
        }
    )


def _redacted_ticket(command: TriageTicket) -> TriageTicket:
    texts = {"title": triage.MAX_TITLE_LENGTH, "body": triage.MAX_BODY_LENGTH}
    redacted = redact_fields(command, texts=texts, names={"source": triage.MAX_SOURCE_LENGTH})
    return redacted.model_copy(update={"redacted": True})


def _redacted_changelog(command: GenerateChangelog) -> GenerateChangelog:
    redacted = redact_fields(command, texts=changelog.TEXT_LIMITS, names=changelog.NAME_LIMITS)
    return redacted.model_copy(update={"redacted": True})


def _redacted_edit(request: EditChangelog) -> EditChangelog:
    texts = {**changelog.TEXT_LIMITS, "summary": changelog.SUMMARY_LIMIT}
    return redact_fields(request, texts=texts, names=changelog.NAME_LIMITS)
