"""Who may call what, and who sees which field: the one table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Role(StrEnum):
    """What an account may do."""

    ADMIN = "ADMIN"
    OPS = "OPS"
    HR = "HR"
    VIEWER = "VIEWER"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who makes a request, with the role that the account has now (not the one in its token)."""

    user_id: UUID
    role: Role

    @property
    def principal(self) -> str:
        """How the viewer is named towards other services."""
        return f"user:{self.user_id}"


class Unauthenticated(Exception):
    """There is no valid access token."""


class Forbidden(Exception):
    """The viewer's role may not do this."""


ALL: Final = frozenset(Role)
ADMIN: Final = frozenset({Role.ADMIN})
ADMIN_OPS: Final = frozenset({Role.ADMIN, Role.OPS})
ADMIN_HR: Final = frozenset({Role.ADMIN, Role.HR})
ADMIN_OPS_HR: Final = frozenset({Role.ADMIN, Role.OPS, Role.HR})

OPERATIONS: Final[dict[str, frozenset[Role]]] = {
    "node": ALL,
    "me": ALL,
    "logEntry": ALL,
    "logEntries": ALL,
    "ticket": ALL,
    "tickets": ALL,
    "changelog": ALL,
    "changelogs": ALL,
    "users": ADMIN,
    "deadLetters": ADMIN,
    "setUserRole": ADMIN,
    "replayDeadLetters": ADMIN,
    "summarizeLog": ADMIN_OPS,
    "triageTicket": ADMIN_OPS_HR,
    "generateChangelog": ADMIN_OPS,
    "updateTicketStatus": ADMIN_OPS,
    "logEntryChanged": ALL,
    "ticketChanged": ALL,
    "changelogChanged": ALL,
}
"""Root fields that need a log-in → the roles that may use them. Those that are not here are open to everybody."""

AUDITED: Final = frozenset({"replayDeadLetters"})
"""Root fields of which every attempt is recorded, also one that the role forbids."""

PUBLIC_OPERATIONS: Final = frozenset({"signup", "login", "refreshTokens", "logout"})

FIELDS: Final[dict[str, frozenset[Role]]] = {
    "LogEntry.content": ADMIN_OPS,
    "Ticket.body": ADMIN_OPS_HR,
    "Ticket.reporterEmail": ADMIN_HR,
}
"""Fields that some roles see as null."""


def require(viewer: Viewer | None, operation: str) -> Viewer:
    """The viewer, if it may use the root field ``operation``.

    Raises:
        Unauthenticated: nobody is logged in.
        Forbidden: the role may not do this.
    """
    if viewer is None:
        raise Unauthenticated("log in and send the access token as: Authorization: Bearer <token>")
    if not may_use(viewer, operation):
        allowed = ", ".join(sorted(OPERATIONS[operation]))
        raise Forbidden(f"{operation} needs one of the roles {allowed}; yours is {viewer.role}")
    return viewer


def may_use(viewer: Viewer, operation: str) -> bool:
    """Whether the role of ``viewer`` may use the root field ``operation``."""
    return viewer.role in OPERATIONS[operation]


def may_see(viewer: Viewer, field: str) -> bool:
    """Whether ``viewer`` sees the value of ``Type.field``."""
    return field not in FIELDS or viewer.role in FIELDS[field]
