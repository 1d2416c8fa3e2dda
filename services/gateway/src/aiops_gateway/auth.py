"""Access tokens: verified here with auth's public keys, without asking anybody. The only module that uses jose."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from jose import jwt
from jose.backends import ECKey
from jose.constants import ALGORITHMS

from aiops_gateway.domain.access import Unauthenticated

_LEEWAY_SECONDS: Final = 5
_MAX_TOKEN_LENGTH: Final = 4096
_CACHE_SIZE: Final = 10_000
_REQUIRED: Final = ("exp", "iat", "nbf", "iss", "aud", "sub", "jti")


@dataclass(frozen=True, slots=True)
class _Verified:
    user_id: UUID
    expires_at: float


class TokenVerifier:
    """Verifies ES256 access tokens against the keys it was given.

    Verified tokens are remembered until they expire, because checking a signature costs more than a whole request
    should. A token proves who somebody is; what they may do is looked up elsewhere.
    """

    def __init__(
        self, *, issuer: str, audience: str, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._clock = clock
        self._keys: dict[str, ECKey] = {}
        self._cache: OrderedDict[str, _Verified] = OrderedDict()

    def use_keys(self, jwks: Mapping[str, Mapping[str, Any]]) -> None:
        """Trust these public keys (kid → JWK) and no others."""
        self._keys = {kid: ECKey(dict(jwk), ALGORITHMS.ES256) for kid, jwk in jwks.items()}
        self._cache.clear()

    def knows(self, token: str) -> bool:
        """Whether the key that the token names is among ours."""
        return _key_id(token) in self._keys

    def verify(self, token: str) -> UUID:
        """The id of the account that the token was issued to.

        Raises:
            Unauthenticated: the token is not valid now, whatever is wrong with it.
        """
        now = self._clock().timestamp()
        known = self._cache.get(token)
        if known is None:
            known = self._check(token)
            self._cache[token] = known
            if len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
        if known.expires_at <= now:
            self._cache.pop(token, None)
            raise Unauthenticated("the access token has expired; use refreshTokens")
        return known.user_id

    def _check(self, token: str) -> _Verified:
        # Everything in here is untrusted, and jose raises more than its own errors (an infinite exp is an
        # OverflowError): whatever happens, the answer is the same.
        try:
            key = self._keys[_key_id(token)]
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHMS.ES256],
                audience=self._audience,
                issuer=self._issuer,
                options={"leeway": _LEEWAY_SECONDS, **{f"require_{claim}": True for claim in _REQUIRED}},
            )
            if claims.get("typ") != "access":
                raise Unauthenticated("not an access token")
            return _Verified(UUID(claims["sub"]), float(claims["exp"]))
        except Exception:
            raise Unauthenticated("the access token is not valid; log in again") from None


def _key_id(token: str) -> str:
    if len(token) > _MAX_TOKEN_LENGTH:
        return ""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except Exception:
        return ""
    return kid if isinstance(kid, str) else ""
