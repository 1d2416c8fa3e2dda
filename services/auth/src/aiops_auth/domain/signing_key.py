"""Keys that sign access tokens take turns: which one signs, and until when the others are believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

KEPT_AFTER = timedelta(days=30)
"""How long a key that nobody believes any more is kept, so that those who missed its end can still learn of it."""


@dataclass(frozen=True, slots=True)
class StoredSigningKey:
    """``jwk`` is public (RFC 7517); ``sealed_private_key`` can only be opened with the master key.

    Nothing is signed with it before ``signs_from``, None: from the start. Nothing that it signed is believed from
    ``verifies_until`` on, None: no end is known yet; that end only ever comes nearer.
    """

    kid: str
    jwk: Mapping[str, str]
    sealed_private_key: bytes = field(repr=False)
    created_at: datetime
    signs_from: datetime | None = None
    verifies_until: datetime | None = None

    @property
    def turn(self) -> tuple[datetime, str]:
        """Keys sign in this order."""
        return self.signs_from or self.created_at, self.kid

    def is_believed(self, now: datetime) -> bool:
        """Whether what it signed may still be good."""
        return self.verifies_until is None or now < self.verifies_until


def signing_key_at(keys: Sequence[StoredSigningKey], now: datetime) -> StoredSigningKey | None:
    """The key that signs ``now``: the newest of those whose turn has come, unless it is not believed any more."""
    ready = [key for key in keys if key.turn[0] <= now and key.is_believed(now)]
    return max(ready, key=lambda key: key.turn, default=None)


def retired(keys: Sequence[StoredSigningKey], until: datetime) -> list[StoredSigningKey]:
    """Those of ``keys`` that were to be believed for longer, with ``until`` as their end."""
    return [
        replace(key, verifies_until=until) for key in keys if key.verifies_until is None or key.verifies_until > until
    ]
