"""Access tokens are signed (JWS, ES256), refresh tokens are random, credentials are encrypted on their way (JWE).

Private keys are stored sealed with the master key.
"""

import base64
import hashlib
import json
import os
import re
import secrets
from datetime import datetime, timedelta
from uuid import uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jose import JOSEError, jwe, jwt
from jose.backends import ECKey
from jose.constants import ALGORITHMS

from aiops_auth.domain import Account, StoredCredentialKey, StoredSigningKey

_NONCE_BYTES = 12
_COORDINATE_BYTES = 32
_REFRESH_TOKEN_BYTES = 32
_256_BITS = re.compile(r"[A-Za-z0-9_-]{43}")
_RSA_BITS = 3072
_KEYS_KEPT_OPEN = 8

# RFC 7516, 7.1: header, encrypted key (384 bytes), nonce (12), ciphertext, tag (16), each in base64url. Nothing of
# another shape can have been made for a key of ours, so nothing of it is decoded.
_COMPACT_JWE = re.compile(r"([\w-]{1,400})\.[\w-]{512}\.[\w-]{16}\.[\w-]{1,7200}\.[\w-]{22}", re.ASCII)


class SigningKeyUnreadable(Exception):
    """A stored private signing key does not open with the master key that is set."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"signing key {kid} cannot be opened with AUTH_MASTER_KEY: set the key it was sealed with, "
            "or have new keys made that take its place at once: python -m aiops_auth rotate-keys --now"
        )


class CredentialKeyUnreadable(Exception):
    """A stored private credential key does not open with the master key that is set."""

    def __init__(self, kid: str) -> None:
        super().__init__(
            f"credential key {kid} cannot be opened with AUTH_MASTER_KEY: set the key it was sealed with, "
            "or have new keys made that take its place at once: python -m aiops_auth rotate-keys --now"
        )


class TokenIssuer:
    """Issues tokens and makes the keys that sign them. ``master_key`` is 32 bytes (AES-256-GCM)."""

    def __init__(
        self, *, issuer: str, audience: str, access_lifetime: timedelta, refresh_lifetime: timedelta, master_key: bytes
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self.access_lifetime = access_lifetime
        self.refresh_lifetime = refresh_lifetime
        self._cipher = AESGCM(master_key)
        self._opened: dict[str, ECKey] = {}

    def new_signing_key(self, now: datetime, *, signs_from: datetime | None = None) -> StoredSigningKey:
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
        return StoredSigningKey(kid=kid, jwk=jwk, sealed_private_key=sealed, created_at=now, signs_from=signs_from)

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
        expires_at = issued_at + self.access_lifetime
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


class CredentialCipher:
    """Makes credential keys and opens what was encrypted to them. ``master_key`` is 32 bytes (AES-256-GCM).

    Making and opening take milliseconds of a processor without holding the interpreter's lock: call them in a thread.
    """

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(master_key)
        self._opened: dict[str, rsa.RSAPrivateKey] = {}

    def new_credential_key(self, now: datetime) -> StoredCredentialKey:
        """A new RSA key under a random ``kid``, its private half sealed for storage."""
        kid = str(uuid4())
        private_key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
        der = private_key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        nonce = os.urandom(_NONCE_BYTES)
        public = private_key.public_key().public_numbers()
        jwk = {
            "kty": "RSA",
            "n": _base64url(public.n.to_bytes(_RSA_BITS // 8, "big")),
            "e": _base64url(public.e.to_bytes(3, "big")),
            "kid": kid,
            "use": "enc",
            "alg": ALGORITHMS.RSA_OAEP_256,
        }
        sealed = nonce + self._cipher.encrypt(nonce, der, _credential_key_purpose(kid))
        return StoredCredentialKey(kid=kid, jwk=jwk, sealed_private_key=sealed, created_at=now)

    def open_key(self, stored: StoredCredentialKey) -> None:
        """Make ``stored`` ready for opening, or find out that it cannot be.

        Raises:
            CredentialKeyUnreadable: it was sealed with another master key, or was altered.
        """
        self._private_key(stored)

    def open_credentials(self, sealed: str, stored: StoredCredentialKey) -> bytes | None:
        """What ``sealed`` holds; None where it was not made for ``stored``, whatever it is.

        Raises:
            CredentialKeyUnreadable: as ``open_key``.
        """
        # The header is checked again here: jose would follow any algorithm that it names.
        if credential_kid(sealed) != stored.kid:
            return None
        key = self._private_key(stored)
        try:
            opened: bytes | None = jwe.decrypt(sealed, key)
        except JOSEError:
            return None
        return opened

    def _private_key(self, stored: StoredCredentialKey) -> rsa.RSAPrivateKey:
        if known := self._opened.get(stored.kid):
            return known
        nonce, sealed = stored.sealed_private_key[:_NONCE_BYTES], stored.sealed_private_key[_NONCE_BYTES:]
        try:
            der = self._cipher.decrypt(nonce, sealed, _credential_key_purpose(stored.kid))
            key = serialization.load_der_private_key(der, password=None)
        except (InvalidTag, ValueError):
            raise CredentialKeyUnreadable(stored.kid) from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise CredentialKeyUnreadable(stored.kid)
        # One assignment, because threads come here: those in use are opened again.
        kept = self._opened if len(self._opened) < _KEYS_KEPT_OPEN else {}
        self._opened = {**kept, stored.kid: key}
        return key


def credential_kid(sealed: str) -> str | None:
    """The credential key that ``sealed`` claims to be encrypted to; None where it is no JWE as we make them.

    RSA-OAEP-256, A256GCM and a ``kid``, and nothing beside: no other algorithm, no compression, no key of its own.
    """
    shape = _COMPACT_JWE.fullmatch(sealed)
    if shape is None:
        return None
    try:
        header = json.loads(_unpadded(shape[1]))
    except ValueError:
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    expected = {"alg": ALGORITHMS.RSA_OAEP_256, "enc": ALGORITHMS.A256GCM, "kid": kid}
    return kid if isinstance(kid, str) and header == expected else None


def content_key(answer_key: str) -> bytes | None:
    """The 32 bytes of an answer key; None where it is not 43 characters of base64url."""
    if not _256_BITS.fullmatch(answer_key):
        return None
    return _unpadded(answer_key)


def seal_answer(payload: bytes, answer_key: str) -> str:
    """``payload`` as a compact JWE (``dir``, A256GCM) that only the holder of ``answer_key`` opens.

    Raises:
        ValueError: ``answer_key`` is not 32 bytes in base64url; see ``content_key``.
    """
    key = content_key(answer_key)
    if key is None:
        raise ValueError("an answer key is 32 bytes in base64url without padding: look at content_key first")
    sealed: bytes = jwe.encrypt(payload, key, encryption=ALGORITHMS.A256GCM, algorithm=ALGORITHMS.DIR)
    return sealed.decode()


def refresh_token_digest(token: str) -> bytes | None:
    """SHA-256, under which a refresh token is stored; None for a text that cannot be one of ours.

    A plain hash is enough: nobody can try 2**256 tokens, unlike passwords.
    """
    return _digest(token) if _256_BITS.fullmatch(token) else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _coordinate(value: int) -> str:
    # RFC 7518, 6.2.1.2: full length of the curve, leading zeros included.
    return _base64url(value.to_bytes(_COORDINATE_BYTES, "big"))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _credential_key_purpose(kid: str) -> bytes:
    # Authenticated with the key, so that a row's key cannot be swapped for another row's or another table's.
    return f"credential_key:{kid}".encode()
