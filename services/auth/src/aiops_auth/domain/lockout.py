"""How failed log-ins slow down further ones.

Failures are counted per e-mail address, whether or not an account has it: an unknown address is locked in the same
way and after the same number of failures, so that ACCOUNT_LOCKED tells nothing about who has an account.

They are counted twice: per e-mail address and network of the client, with a low threshold, and per e-mail address
alone, with a high one. A network adds no more to the second count than its own threshold, so nobody locks the owner of
an address out from fewer than ``THRESHOLD_EVERYWHERE / THRESHOLD`` networks. Whoever has more can: without that lock,
guesses from many networks would have no bound.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

THRESHOLD = 5
"""Consecutive failures after which an e-mail address is locked for the network that they came from."""
THRESHOLD_EVERYWHERE = 50
"""Consecutive failures after which it is locked for everybody."""
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=24)
"""A failure this long ago no longer counts."""

_MOST_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class LoginFailures:
    """Consecutive failures for one e-mail address, of one network or of all."""

    count: int
    locked_until: datetime | None

    def seconds_locked(self, now: datetime) -> int:
        """Whole seconds, rounded up, until the next attempt is heard; 0 when it would be heard now."""
        if self.locked_until is None or self.locked_until <= now:
            return 0
        return max(1, -((now - self.locked_until) // timedelta(seconds=1)))


def counted_under(email: str, address: str | None) -> tuple[bytes, bytes]:
    """The digests under which a failure is counted: of the e-mail address with the client's network, and of it alone.

    A network is an IPv4 address or the /64 of an IPv6 one, all of which a client may have for itself (RFC 6177).
    Clients whose address is not known are one network.
    """
    return _digest(f"{email}\n{_network(address)}"), _digest(email)


def locked_until(failures: int, now: datetime, *, threshold: int = THRESHOLD) -> datetime | None:
    """End of the lock that the latest of ``failures`` consecutive failures starts, None below the threshold.

    The lock doubles with each further failure, from 30 seconds to 15 minutes: long enough to make guessing useless
    (OWASP ASVS 4.0, 2.2.1: no more than 100 an hour), short enough that whoever made mistakes gets in again.
    """
    if failures < threshold:
        return None
    doublings = min(failures - threshold, _MOST_DOUBLINGS)
    lock: timedelta = FIRST_LOCK * (1 << doublings)
    return now + min(lock, LONGEST_LOCK)


def _network(address: str | None) -> str:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed), 64), strict=False))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()
