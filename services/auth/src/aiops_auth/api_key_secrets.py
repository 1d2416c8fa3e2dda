"""Secrets of API keys: random, stored as a digest, and for some minutes sealed with the master key."""

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "aiops_"
"""Begins every secret, so that scanners for leaked secrets recognise it."""

_SECRET_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class ApiKeySecrets:
    """Makes and seals secrets. ``master_key`` is 32 bytes (AES-256-GCM)."""

    master_key: bytes = field(repr=False)

    def new(self) -> str:
        """``aiops_`` and 256 random bits in base64url, 49 characters in all."""
        return PREFIX + secrets.token_urlsafe(_SECRET_BYTES)

    def seal(self, secret: str, *, about: UUID) -> bytes:
        """``secret`` so that only ``open`` with the id of the same key reads it."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.master_key).encrypt(nonce, secret.encode(), _purpose(about))

    def open(self, sealed: bytes, *, about: UUID) -> str | None:
        """The secret; None where it was sealed with another master key or for another API key."""
        try:
            opened = AESGCM(self.master_key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _purpose(about))
        except (InvalidTag, ValueError):
            return None
        return opened.decode()


def digest_of(secret: str) -> bytes:
    """SHA-256, under which a secret is stored. A plain hash is enough: nobody can try 2**256 secrets."""
    return hashlib.sha256(secret.encode()).digest()


def _purpose(key_id: UUID) -> bytes:
    # Authenticated with the secret, so that nothing sealed for another key or purpose can be put in its place.
    return f"api_key:{key_id}".encode()
