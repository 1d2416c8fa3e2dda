"""What a log entry and its summary are."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self
from uuid import UUID


class LogLevel(StrEnum):
    """The level a log line was written at."""

    FATAL = "FATAL"
    ERROR = "ERROR"
    WARN = "WARN"
    INFO = "INFO"
    DEBUG = "DEBUG"
    TRACE = "TRACE"
    UNKNOWN = "UNKNOWN"


class Severity(StrEnum):
    """How bad it is for those who depend on the system."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class JobState(StrEnum):
    """How far a piece of work has come."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Engine(StrEnum):
    """Who wrote an answer."""

    BUILTIN = "BUILTIN"
    LLM = "LLM"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result came to be."""

    engine: Engine
    duration_ms: int
    degraded: bool = False
    degraded_reason: str | None = None
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class JobFailure:
    """Why a piece of work was given up, in words that its owner can read."""

    code: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class LogPattern:
    """Lines that differ in their variable parts only; ``first_line`` is 1-based.

    ``id`` is a hash of the template, so it is the same in every run.
    """

    id: str
    template: str
    level: LogLevel
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    first_line: int
    example: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked statement about a log. ``text`` holds every number that may be said when citing it."""

    id: str
    kind: str
    text: str
    line: int
    pattern_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened in a log; ``line`` is 1-based."""

    time: datetime | None
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What the engine found.

    ``patterns`` are ordered by importance, and their counts add up to ``line_count``. ``routine_lines`` of them are of
    no interest; ``told_lines`` are those whose patterns the findings name. ``timeline`` tells a few moments in the
    order in which they happened.
    """

    headline: str
    text: str
    severity: Severity
    first_seen: datetime | None
    last_seen: datetime | None
    patterns: tuple[LogPattern, ...]
    pattern_count: int
    line_count: int
    findings: tuple[Finding, ...]
    timeline: tuple[Moment, ...] = ()
    routine_lines: int = 0
    told_lines: int = 0


@dataclass(frozen=True, slots=True)
class LogSummary:
    """What a log says, with how the answer came to be."""

    headline: str
    text: str
    severity: Severity
    first_seen: datetime | None
    last_seen: datetime | None
    patterns: tuple[LogPattern, ...]
    pattern_count: int
    redactions: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A log that somebody sent in; ``content`` is redacted."""

    id: UUID
    version: int
    source: str
    content: str
    line_count: int
    byte_count: int
    state: JobState
    created_at: datetime
    updated_at: datetime
    summary: LogSummary | None = None
    failure: JobFailure | None = None
    trace_id: str | None = None

    def following(self, before: Self | None) -> Self:
        """This entry as the version after ``before``."""
        if before is None:
            return replace(self, version=1)
        return replace(self, version=before.version + 1, source=before.source, created_at=before.created_at)
