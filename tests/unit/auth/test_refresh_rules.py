from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from aiops_auth.domain import RefreshToken, RefreshVerdict, judge_refresh

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def token(*, spent_at: datetime | None = None, revoked_at: datetime | None = None, days: int = 30) -> RefreshToken:
    issued = NOW - timedelta(days=1)
    return RefreshToken(
        digest=b"\x07" * 32,
        family_id=uuid4(),
        account_id=uuid4(),
        issued_at=issued,
        expires_at=issued + timedelta(days=days),
        spent_at=spent_at,
        revoked_at=revoked_at,
    )


@pytest.mark.parametrize(
    ("presented", "arrived_at", "verdict"),
    [
        (token(), NOW, RefreshVerdict.LIVE),
        (token(days=1), NOW, RefreshVerdict.EXPIRED),
        (token(revoked_at=NOW), NOW, RefreshVerdict.REVOKED),
        (token(spent_at=NOW, revoked_at=NOW), NOW, RefreshVerdict.REVOKED),
        (token(spent_at=NOW), NOW + SECOND, RefreshVerdict.REUSED),
        (token(spent_at=NOW), NOW, RefreshVerdict.REUSED),
        (token(spent_at=NOW, days=1), NOW, RefreshVerdict.REUSED),
        (token(spent_at=NOW), NOW - SECOND, RefreshVerdict.LOST_RACE),
    ],
)
def test_verdict(presented: RefreshToken, arrived_at: datetime, verdict: RefreshVerdict) -> None:
    assert judge_refresh(presented, arrived_at=arrived_at, now=NOW + SECOND) is verdict


def test_a_token_does_not_show_its_digest() -> None:
    assert "x07" not in repr(token())
