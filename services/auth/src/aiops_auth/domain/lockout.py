"""How failed log-ins slow down further ones.

Failures are counted per e-mail address, whether or not an account has it: an unknown address is locked in the same
way and after the same number of failures, so that ACCOUNT_LOCKED tells nothing about who has an account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

THRESHOLD = 5
"""Consecutive failures after which an address is locked."""
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""A failure this long ago no longer counts."""

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class LoginFailures:
    """Consecutive failures for one e-mail address."""

    count: int
    locked_until: datetime | None

    def seconds_locked(self, now: datetime) -> int:
        """Whole seconds, rounded up, until the next attempt is heard; 0 when it would be heard now."""
        if self.locked_until is None or self.locked_until <= now:
            return 0
        return max(1, -((now - self.locked_until) // timedelta(seconds=1)))


def locked_until(failures: int, now: datetime) -> datetime | None:
    """End of the lock that the latest of ``failures`` consecutive failures starts, None below the threshold.

    The lock doubles with each further failure, from 30 seconds to 15 minutes: long enough to make guessing useless
    (OWASP ASVS 4.0, 2.2.1: no more than 100 an hour), short enough that locking somebody else out is no weapon.
    """
    if failures < THRESHOLD:
        return None
    doublings = min(failures - THRESHOLD, _MOST_DOUBLINGS)
    lock: timedelta = FIRST_LOCK * (1 << doublings)
    return now + min(lock, LONGEST_LOCK)
