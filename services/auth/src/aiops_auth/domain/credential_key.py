"""A key to which credentials are encrypted, as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

OPENS_AFTER_ROTATION = timedelta(hours=1)
"""How long a key that was replaced still opens what was encrypted to it: gateways have the new one by then."""


@dataclass(frozen=True, slots=True)
class StoredCredentialKey:
    """``jwk`` is public (RFC 7517); ``sealed_private_key`` can only be opened with the master key."""

    kid: str
    jwk: Mapping[str, str]
    sealed_private_key: bytes = field(repr=False)
    created_at: datetime
    opens_until: datetime | None = None

    def opens_at(self, now: datetime) -> bool:
        """Whether what is encrypted to it is opened ``now``."""
        return self.opens_until is None or now < self.opens_until
