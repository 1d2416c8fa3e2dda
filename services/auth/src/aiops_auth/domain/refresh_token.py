"""Refresh tokens come in families: a log-in starts one, each use spends a token and adds its only child.

RFC 9700, 4.14.2: a spent token that comes again was copied, and nobody can tell which of the two holders is the owner,
so the whole family dies.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is stored of a token: ``digest`` is its SHA-256, ``revoked_at`` belongs to the family."""

    digest: bytes = field(repr=False)
    family_id: UUID
    account_id: UUID
    issued_at: datetime
    expires_at: datetime
    spent_at: datetime | None = None
    revoked_at: datetime | None = None


class RefreshVerdict(StrEnum):
    """What a presented token turned out to be."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REUSED = "reused"
    LOST_RACE = "lost race"


def judge_refresh(token: RefreshToken, *, arrived_at: datetime, now: datetime) -> RefreshVerdict:
    """What to do with a token that was presented at ``arrived_at`` and is looked at, under lock, ``now``.

    A request that arrived before the token was spent did not reuse a spent token; it lost a race against another one,
    as two tabs of a browser do. It gets nothing, and the winner keeps its child.
    """
    if token.revoked_at is not None:
        return RefreshVerdict.REVOKED
    if token.spent_at is not None:
        return RefreshVerdict.LOST_RACE if arrived_at < token.spent_at else RefreshVerdict.REUSED
    if token.expires_at <= now:
        return RefreshVerdict.EXPIRED
    return RefreshVerdict.LIVE
