"""Access tokens are signed (JWS, ES256), refresh tokens are random; the private signing keys are stored sealed."""

import base64
import hashlib
import os
import re
import secrets
from datetime import datetime, timedelta
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jose import jwt
from jose.backends import ECKey
from jose.constants import ALGORITHMS

from aiops_auth.domain import Account, StoredSigningKey

_NONCE_BYTES = 12
_COORDINATE_BYTES = 32
_REFRESH_TOKEN_BYTES = 32
_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


class SigningKeyUnreadable(Exception):
    """A stored private signing key does not open with the master key that is set."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"signing key {kid} cannot be opened with AUTH_MASTER_KEY: set the key it was sealed with, "
            "or delete its row from signing_keys to have a new one made"
        )


class TokenIssuer:
    """Issues tokens and makes the keys that sign them. ``master_key`` is 32 bytes (AES-256-GCM)."""

    def __init__(
        self, *, issuer: str, audience: str, access_lifetime: timedelta, refresh_lifetime: timedelta, master_key: bytes
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._access_lifetime = access_lifetime
        self.refresh_lifetime = refresh_lifetime
        self._cipher = AESGCM(master_key)
        self._opened: dict[str, ECKey] = {}

    def new_signing_key(self, now: datetime) -> StoredSigningKey:
        """A new P-256 key under a random ``kid``, its private half sealed for storage."""
        kid = str(uuid4())
        private_key = ec.generate_private_key(ec.SECP256R1())
        pem = private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        # The kid is authenticated with the key, so that a row's key cannot be swapped for another row's.
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, pem, kid.encode())
        public = private_key.public_key().public_numbers()
        jwk = {
            "kty": "EC",
            "crv": "P-256",
            "x": _coordinate(public.x),
            "y": _coordinate(public.y),
            "kid": kid,
            "use": "sig",
            "alg": ALGORITHMS.ES256,
        }
        return StoredSigningKey(kid=kid, jwk=jwk, sealed_private_key=sealed, created_at=now)

    def open_key(self, stored: StoredSigningKey) -> None:
        """Make ``stored`` ready for signing, or find out that it cannot be.

        Raises:
            SigningKeyUnreadable: it was sealed with another master key, or was altered.
        """
        self._private_key(stored)

    def access_token(self, account: Account, key: StoredSigningKey, now: datetime) -> tuple[str, datetime]:
        """A token (compact JWS) for ``account`` and the time when it expires, in whole seconds.

        ``role`` is a hint for user interfaces: whoever decides looks at the account's present role.

        Raises:
            SigningKeyUnreadable: as ``open_key``.
        """
        issued_at = now.replace(microsecond=0)
        expires_at = issued_at + self._access_lifetime
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(account.id),
            "jti": str(uuid4()),
            "iat": int(issued_at.timestamp()),
            "nbf": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "typ": "access",
            "role": account.role.value,
        }
        token: str = jwt.encode(claims, self._private_key(key), algorithm=ALGORITHMS.ES256, headers={"kid": key.kid})
        return token, expires_at

    def refresh_token(self) -> tuple[str, bytes]:
        """256 random bits, URL-safe, and the digest under which they are stored."""
        token = secrets.token_urlsafe(_REFRESH_TOKEN_BYTES)
        return token, _digest(token)

    def _private_key(self, stored: StoredSigningKey) -> ECKey:
        if stored.kid not in self._opened:
            nonce, sealed = stored.sealed_private_key[:_NONCE_BYTES], stored.sealed_private_key[_NONCE_BYTES:]
            try:
                pem = self._cipher.decrypt(nonce, sealed, stored.kid.encode())
            except (InvalidTag, ValueError):
                raise SigningKeyUnreadable(stored.kid) from None
            self._opened[stored.kid] = ECKey(pem, ALGORITHMS.ES256)
        return self._opened[stored.kid]


def refresh_token_digest(token: str) -> bytes | None:
    """SHA-256, under which a refresh token is stored; None for a text that cannot be one of ours.

    A plain hash is enough: nobody can try 2**256 tokens, unlike passwords.
    """
    return _digest(token) if _REFRESH_TOKEN.fullmatch(token) else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _coordinate(value: int) -> str:
    # RFC 7518, 6.2.1.2: full length of the curve, leading zeros included.
    return base64.urlsafe_b64encode(value.to_bytes(_COORDINATE_BYTES, "big")).rstrip(b"=").decode()
