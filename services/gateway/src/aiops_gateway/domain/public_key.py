"""A key that verifies access tokens, and what a verified token must claim."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NoReturn
from uuid import UUID

LEEWAY_SECONDS: Final = 5
"""How far the clocks of auth and the gateway may be apart when a token is new."""

_END_OF_TIME: Final = 253_402_300_799  # the last second of the year 9999, as in datetime


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``jwk`` is public (RFC 7517); nothing that it signed is believed from ``verifies_until`` on, None: no end yet."""

    jwk: Mapping[str, Any]
    verifies_until: datetime | None = None

    def is_believed(self, now: datetime) -> bool:
        """Whether a token that this key signed may still be good."""
        return self.verifies_until is None or now < self.verifies_until


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What counts of an access token; ``expires_at`` is in seconds since 1970."""

    user_id: UUID
    expires_at: int


def read_claims(payload: bytes, *, issuer: str, audience: str, now: float) -> AccessClaims:
    """The claims in ``payload``, whose signature is verified already, at ``now`` in seconds since 1970.

    Stricter than RFC 7519 asks, because auth alone issues tokens: every claim once, ``aud`` and ``iss`` one text each,
    times whole numbers, ``sub`` a UUID in its usual spelling. Whether it has expired is left to the caller, who looks
    at that each time.

    Raises:
        ValueError: a claim is missing, twice there, of another type, or not what it must be.
    """
    claims = json.loads(payload.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    if not isinstance(claims, dict):
        raise ValueError("the claims are no object")
    expires_at, not_before, issued_at = (_whole_number(claims, name) for name in ("exp", "nbf", "iat"))
    if expires_at > _END_OF_TIME or max(not_before, issued_at) > now + LEEWAY_SECONDS:
        raise ValueError("the token is not valid yet, or for ever")
    if claims.get("iss") != issuer or claims.get("aud") != audience or claims.get("typ") != "access":
        raise ValueError("the token was issued by somebody else, for somebody else or for something else")
    subject, token_id = claims.get("sub"), claims.get("jti")
    if not isinstance(subject, str) or not isinstance(token_id, str) or not token_id:
        raise ValueError("sub or jti is missing or no text")
    user_id = UUID(subject)
    if str(user_id) != subject:
        raise ValueError("sub is not a UUID in its usual spelling")
    return AccessClaims(user_id, expires_at)


def _whole_number(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is missing or no whole number")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7519, 4: two readers that take different ones of two equal names see different tokens.
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands there twice")
    return members


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
