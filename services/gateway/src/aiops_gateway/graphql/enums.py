"""Enumerations of the API: those of the contracts, and the codes of errors."""

from enum import StrEnum

import strawberry

from aiops_contracts.auth import Role
from aiops_contracts.base import Engine, FlagKind, JobState, Severity
from aiops_contracts.changelog import Bump, ChangelogStatus, ChangeSection
from aiops_contracts.summarizer import LogLevel
from aiops_contracts.triage import Priority, TicketCategory, TicketStatus

for _enumeration in (
    Bump, ChangelogStatus, ChangeSection, Engine, FlagKind, JobState, LogLevel, Priority, Role, Severity,
    TicketCategory, TicketStatus,
):  # fmt: skip
    strawberry.enum(_enumeration)

__all__ = [
    "Bump",
    "ChangeSection",
    "ChangelogStatus",
    "Engine",
    "FlagKind",
    "JobState",
    "LogLevel",
    "Priority",
    "Role",
    "Severity",
    "TicketCategory",
    "TicketStatus",
    "UserErrorCode",
]


@strawberry.enum
class UserErrorCode(StrEnum):
    """What kind of mistake a user error is."""

    INVALID_INPUT = "INVALID_INPUT"
    NOT_FOUND = "NOT_FOUND"
    NOT_READY = "NOT_READY"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    EMAIL_TAKEN = "EMAIL_TAKEN"
    BAD_CREDENTIALS = "BAD_CREDENTIALS"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    WEAK_PASSWORD = "WEAK_PASSWORD"  # noqa: S105 -- a code, not a password
    RATE_LIMITED = "RATE_LIMITED"
