"""Auth without a broker: opens what is sealed to its key, answers, and writes down what crossed the broker."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwe
from pydantic import BaseModel
from typing_extensions import override

from aiops_common.messaging.requests import NoReply, Requester
from aiops_contracts.auth import CredentialKey, GetCredentialKey
from aiops_contracts.base import Request

A = TypeVar("A", bound=BaseModel)


class CredentialKeyPair:
    """An RSA key; ``jwk`` is its public half."""

    def __init__(self, kid: str) -> None:
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        numbers = private.public_key().public_numbers()
        self.jwk: dict[str, Any] = {
            "kty": "RSA", "kid": kid, "use": "enc", "alg": "RSA-OAEP-256", "n": _number(numbers.n),
            "e": _number(numbers.e),
        }  # fmt: skip

    def open(self, sealed: str) -> dict[str, Any]:
        """The form that was sealed to this key."""
        opened: dict[str, Any] = json.loads(jwe.decrypt(sealed, self.pem))
        return opened


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


def sealed_to(answer_key: str, answer: object) -> str:
    """An answer as auth seals it."""
    sealed: bytes = jwe.encrypt(
        json.dumps(answer).encode(), base64.urlsafe_b64decode(answer_key + "="), algorithm="dir", encryption="A256GCM"
    )
    return sealed.decode()


Decide = Callable[[Request, dict[str, Any]], dict[str, Any]]


class SealingAuth(Requester):
    """``decide(request, form)`` is the answer to what is sealed to ``key``; KEY_UNKNOWN to anything else."""

    def __init__(self, decide: Decide) -> None:
        super().__init__("amqp://gateway@localhost/", name="test")
        self.key = CredentialKeyPair("first")
        self.given: CredentialKeyPair | None = None
        self.away = False
        self.crossed: list[str] = []
        self.ids: list[UUID | None] = []
        self.keys_asked = 0
        self._decide = decide

    @override
    async def ask(
        self, owner: str, request: Request, answer: type[A], *, principal: str, message_id: UUID | None = None
    ) -> A:
        self.crossed.append(request.model_dump_json())
        if isinstance(request, GetCredentialKey):
            self.keys_asked += 1
            await asyncio.sleep(0)
            if self.away:
                raise NoReply("auth did not answer within 1 s")
            reply = CredentialKey(jwk=(self.given or self.key).jwk).model_dump(mode="json")
        else:
            self.ids.append(message_id)
            reply = self._answered(request)
        self.crossed.append(orjson.dumps(reply).decode())
        return answer.model_validate(reply)

    def _answered(self, request: Request) -> dict[str, Any]:
        sealed: str = request.model_dump()["sealed"]
        if jwe.get_unverified_header(sealed)["kid"] != self.key.jwk["kid"]:
            return {"outcome": "KEY_UNKNOWN"}
        return self._decide(request, self.key.open(sealed))
