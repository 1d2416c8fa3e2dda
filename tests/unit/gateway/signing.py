"""Tokens as auth makes them, and as an attacker does."""

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jws
from jose.backends import ECKey

from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.public_key import PublicKey

ISSUER, AUDIENCE, KID = "aiops-auth", "aiops", "key-1"
USER = UUID(int=42)


class Signer:
    """A key pair; ``jwk`` is its public half."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._pem = self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = self._private.public_key()
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        self.public_pem = public.public_bytes(serialization.Encoding.PEM, info)
        self.public_der = public.public_bytes(serialization.Encoding.DER, info)
        self.jwk: dict[str, Any] = {
            key: value.decode() if isinstance(value, bytes) else value
            for key, value in ECKey(self._pem.decode(), "ES256").public_key().to_dict().items()
        }

    def token(self, changes: dict[str, Any] | None = None, /, **headers: Any) -> str:
        """A token that is valid but for ``changes`` of its claims; ``...`` leaves a claim out."""
        return self.signed(json.dumps(claims(changes)).encode(), **headers)

    def signed(self, payload: bytes, **headers: Any) -> str:
        """Any payload with a valid signature."""
        token: str = jws.sign(payload, self._pem.decode(), headers={"kid": KID, **headers}, algorithm="ES256")
        return token


def claims(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The claims of a good token, changed."""
    now = int(time.time())
    good = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": str(USER), "jti": "j1", "iat": now, "nbf": now, "exp": now + 600,
        "typ": "access", "role": "ADMIN",
    }  # fmt: skip
    return {name: value for name, value in {**good, **(changes or {})}.items() if value is not ...}


def forged(header: dict[str, Any], secret: bytes | None = None) -> str:
    """A token of good claims under ``header``: signed with HMAC-SHA256 under ``secret``, or not at all."""
    parts = [_segment(json.dumps(header).encode()), _segment(json.dumps(claims()).encode())]
    signature = b"" if secret is None else hmac.digest(secret, ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, _segment(signature)])


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def verifier(signer: Signer, *, until: datetime | None = None, **options: Any) -> TokenVerifier:
    """One that trusts ``signer``, at most until then."""
    made = TokenVerifier(issuer=ISSUER, audience=AUDIENCE, **options)
    made.use_keys({KID: PublicKey(signer.jwk, until)})
    return made
