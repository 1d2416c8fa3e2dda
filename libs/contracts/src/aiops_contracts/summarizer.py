"""Messages owned by the summarizer."""

from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationInfo

from aiops_contracts.base import (
    Command,
    Event,
    LlmRun,
    Model,
    Provenance,
    ReplayLimit,
    Request,
    Severity,
    Snapshot,
    Storable,
    Timestamp,
)

MAX_LOG_BYTES = 1024 * 1024
"""Largest log that is accepted inline, in bytes of UTF-8."""


MAX_SOURCE_LENGTH = 200


def _within_limit(value: str, info: ValidationInfo) -> str:
    size = len(value.encode())
    # Placeholders can be longer than what they stand for, and the limit is one for the log as it came in.
    if size > MAX_LOG_BYTES * (4 if info.data.get("redacted") else 1):
        raise ValueError(f"must be at most {MAX_LOG_BYTES} bytes (1 MiB) of UTF-8, not {size}; split it into parts")
    return value


class LogLevel(StrEnum):
    """The level a log line was written at."""

    FATAL = "FATAL"
    ERROR = "ERROR"
    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"
    TRACE = "TRACE"
    UNKNOWN = "UNKNOWN"


class LogPattern(Model):
    """Lines that differ in their variable parts only; ``first_line`` is 1-based."""

    template: str
    level: LogLevel
    count: int
    first_seen: Timestamp | None = None
    last_seen: Timestamp | None = None
    first_line: int
    example: str


class LogSummary(Model):
    """What a log says; the counts of all patterns add up to the log's number of lines."""

    headline: str
    text: str
    severity: Severity
    first_seen: Timestamp | None = None
    last_seen: Timestamp | None = None
    patterns: tuple[LogPattern, ...]
    pattern_count: int
    redactions: int
    provenance: Provenance


class LogSnapshot(Snapshot):
    """A log entry; ``content`` is redacted."""

    source: str
    content: str
    line_count: int
    byte_count: int
    summary: LogSummary | None = None


class SummarizeLog(Command):
    """Summarise a raw log. The message id becomes the id of the log entry.

    ``redacted`` says that ``content`` was redacted already, and ``sealed_content`` then holds the log as it came in,
    encrypted (``aiops_common.sealing``) and in base64; both are believed from the project's own services only.
    ``redactions`` and ``byte_count`` are those of the log as it came in.
    """

    message_type: ClassVar[str] = "summarizer.summarize_log.v1"
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE_LENGTH), Storable]
    redacted: bool = False
    content: Annotated[str, Field(min_length=1), Storable, AfterValidator(_within_limit)]
    redactions: Annotated[int, Field(ge=0)] = 0
    byte_count: Annotated[int, Field(ge=0)] | None = None
    sealed_content: Annotated[str, Field(max_length=4 * MAX_LOG_BYTES)] | None = None


class LogSummarized(Event):
    """A log entry has its summary."""

    message_type: ClassVar[str] = "summarizer.log_summarized.v1"
    log: LogSnapshot


class LogSummaryFailed(Event):
    """A log entry could not be summarised; ``log.failure`` says why."""

    message_type: ClassVar[str] = "summarizer.log_summary_failed.v1"
    log: LogSnapshot


class LlmRunsRecorded(Event):
    """A language model was asked about a log."""

    message_type: ClassVar[str] = "summarizer.llm_runs_recorded.v1"
    runs: tuple[LlmRun, ...]


class ReplayLogs(Request):
    """Ask for log entries as they are now, in the order of their ids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "summarizer.replay_logs.v1"
    after: UUID | None = None
    limit: ReplayLimit


class ReplayedLogs(Model):
    """Answer to ReplayLogs: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[LogSnapshot, ...]
    next_after: UUID | None = None


class ListLogChanges(Request):
    """Ask for the versions of a log entry above ``after``, oldest first; answered with a ChangePage."""

    message_type: ClassVar[str] = "summarizer.list_log_changes.v1"
    log_id: UUID
    after: Annotated[int, Field(ge=0)] = 0
    limit: ReplayLimit


class GetRawContent(Request):
    """Ask for a log as it came in."""

    message_type: ClassVar[str] = "summarizer.get_raw_content.v1"
    log_id: UUID


class RawContent(Model):
    """Answer to GetRawContent: encrypted (``aiops_common.sealing``) and in base64; None where it is not kept."""

    sealed: str | None = None
