"""An API key: what a machine shows to be let in, and the role that it has then."""

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from aiops_auth.domain.account import InvalidInput, Role, VersionConflict

MAX_NAME_LENGTH = 100
MAX_LIVE_KEYS = 200
"""Every gateway keeps the live keys in memory, and somebody should be able to look through them."""
SHOWN_AGAIN_FOR = timedelta(minutes=10)
"""How long a repetition of the request is answered with the secret; nobody can show it afterwards."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """``digest`` is the SHA-256 of the secret. Version 1 is the key as it was made, version 2 the revoked one."""

    id: UUID
    version: int
    name: str
    role: Role
    digest: bytes = field(repr=False)
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuedApiKey:
    """A key with the request that made it and, for some minutes, its secret: sealed with the master key."""

    key: ApiKey
    request_id: UUID
    sealed_secret: bytes | None = field(repr=False)


def new_api_key(
    *, name: str, role: Role, digest: bytes, created_by: UUID, expires_at: datetime | None, now: datetime
) -> ApiKey:
    """A key at version 1; ``name`` is parsed already.

    Raises:
        InvalidInput: field ``expires_at``; it is not in the future.
    """
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("expires_at", "The key would have expired already: give a time in the future, or none.")
    return ApiKey(
        id=uuid4(),
        version=1,
        name=name,
        role=role,
        digest=digest,
        created_by=created_by,
        created_at=now,
        updated_at=now,
        expires_at=expires_at,
    )


def parse_api_key_name(text: str) -> str:
    """What the key is called in lists: trimmed, NFC, 1 to 100 printable characters.

    Raises:
        InvalidInput: field ``name``; empty, too long, or with characters that could hide or reorder what is shown.
    """
    if len(text) > MAX_NAME_LENGTH:
        raise InvalidInput("name", f"The name has more than {MAX_NAME_LENGTH} characters.")
    name = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise InvalidInput("name", f"The name must have 1 to {MAX_NAME_LENGTH} characters.")
    if not name.isprintable():
        raise InvalidInput("name", "The name contains characters that cannot be printed.")
    return name


def revoked(key: ApiKey, *, expected_version: int, now: datetime) -> ApiKey:
    """``key`` one version later and revoked; unchanged if it was revoked already.

    A revoked key also counts as being at the version at which it was revoked: whoever repeats the request, or revokes
    at the same moment, gets what they wanted.

    Raises:
        VersionConflict: ``key`` is not at ``expected_version``.
    """
    if key.revoked_at is not None and expected_version in (key.version, key.version - 1):
        return key
    if key.version != expected_version:
        raise VersionConflict(
            f"The API key is at version {key.version}, not {expected_version}: look at it again, then decide."
        )
    moment = max(now, key.updated_at)
    return replace(key, version=key.version + 1, updated_at=moment, revoked_at=moment)
