"""What is recorded in the audit log of auth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

Detail = str | int | bool | None
"""An id, a number or a code; never a secret, and nothing personal."""

SYSTEM = "system"
"""The actor of what nobody asked for."""

ANONYMOUS = "anonymous"
"""The actor while nobody has proved who it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """Something that happened to an account, a key or a session; ``action`` and ``outcome`` are codes.

    ``actor`` is a principal, ``subject`` the id of whom or what it was done to, ``address`` where it came from.
    """

    id: UUID
    at: datetime
    action: str
    outcome: str
    actor: str
    subject: UUID | None
    address: str | None
    trace_id: str | None
    details: Mapping[str, Detail]


def user_principal(account_id: UUID) -> str:
    """An account as an actor."""
    return f"user:{account_id}"
