"""A key that signs access tokens, as it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredSigningKey:
    """``jwk`` is public (RFC 7517); ``sealed_private_key`` can only be opened with the master key."""

    kid: str
    jwk: Mapping[str, str]
    sealed_private_key: bytes = field(repr=False)
    created_at: datetime
