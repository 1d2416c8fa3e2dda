"""How often somebody may do something: token buckets in a bounded amount of memory."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_LOOKED_AT: Final = 4
"""Buckets that are looked at for one that is full again, each time a place is needed; bounds the time of a check."""
_SHARED: Final = 64
"""Buckets that those share who come when there is no place left."""
_NETWORK_BITS: Final = 64
"""What one customer is given of IPv6: https://www.rfc-editor.org/rfc/rfc6177 (a /64 or more)."""
_LONGEST_ADDRESS: Final = 64


@dataclass(frozen=True, slots=True)
class Rate:
    """``per_second`` on average, and ``burst`` at once by who has been quiet for long enough."""

    per_second: float
    burst: float


class Buckets:
    """One token bucket for each key, all of the same rate, in the memory of this process.

    A bucket is kept as the instant at which it will be full again (the generic cell rate algorithm,
    https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm). Only buckets that are full are ever forgotten, and a
    full bucket is the same as none: nobody is better off for having been forgotten. When there are ``most`` that are
    not full, new keys share a few buckets, so an attacker with very many addresses gets in the way of newcomers, but
    not round a limit.
    """

    def __init__(self, rate: Rate, most: int = 50_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate.per_second
        self._depth = self._interval * (rate.burst - 1)
        self._most = most
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> float:
        """Take a token; 0 where there was one, else the seconds until there is (and nothing was taken)."""
        now = self._clock()
        full_at = self._full_at.get(key)
        if full_at is None:
            if len(self._full_at) >= self._most and not self._make_room(now):
                key = f"shared {hash(key) % _SHARED}"
            full_at = self._full_at.get(key, now)
        full_at = max(full_at, now)
        wait = full_at - now - self._depth
        if wait > 0:
            return wait
        self._full_at[key] = full_at + self._interval
        return 0.0

    def _make_room(self, now: float) -> bool:
        for _ in range(_LOOKED_AT):
            key, full_at = self._full_at.popitem(last=False)
            if full_at <= now:
                return True
            self._full_at[key] = full_at
        return False

    def __len__(self) -> int:
        return len(self._full_at)


class Seats:
    """How many each key holds at the same time, at most ``most``."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._taken: dict[str, int] = {}

    def take(self, key: str) -> bool:
        """Take one; False where the key has as many as it may."""
        taken = self._taken.get(key, 0)
        if taken >= self.most:
            return False
        self._taken[key] = taken + 1
        return True

    def give_back(self, key: str) -> None:
        """Give back one that was taken."""
        left = self._taken[key] - 1
        if left:
            self._taken[key] = left
        else:
            del self._taken[key]


@lru_cache(maxsize=4096)
def address_key(address: str | None) -> str:
    """Whom an address stands for: an IPv4 address itself, of IPv6 the network of 64 bits that a customer has."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return (address or "unknown")[:_LONGEST_ADDRESS]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))
        parsed = parsed.ipv4_mapped
    return str(parsed)
