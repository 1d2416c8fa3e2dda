"""Credentials on their way to auth and back: encrypted to its key, the answer to a key made for that answer.

Who reads the broker's queues, a dead letter, a trace or a log finds ciphertext only.
"""

import asyncio
import base64
import contextvars
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import SecretStr

from aiops_common.messaging.requests import NoReply, Requester
from aiops_contracts.auth import ApiKeyReply, AuthReply, CredentialKey, GetCredentialKey
from aiops_contracts.base import Model, Request
from aiops_contracts.credentials import AnswerKey
from aiops_gateway.auth import NotOpened, open_answer, seal_credentials

A = TypeVar("A", AuthReply, ApiKeyReply)
M = TypeVar("M", bound=Model)

ANONYMOUS: Final = "anonymous"
_OWNER: Final = "auth"
_PRINCIPAL: Final = "service:gateway"
_ANSWER_KEY_BYTES: Final = 32

_MAX_FORM_BYTES: Final = 5_400
"""7,200 characters of base64url, the most that auth takes of ciphertext."""


class TooLong(Exception):
    """A form has more than can be sealed; no credential that auth takes is as long."""


def new_answer_key() -> SecretStr:
    """A key for one answer, as forms carry it: base64url of 32 random bytes, without padding."""
    return SecretStr(secrets.token_urlsafe(_ANSWER_KEY_BYTES))


class Credentials:
    """Asks auth what may only be asked encrypted.

    The key that credentials are encrypted to is fetched once and kept, until auth says that it does not know it any
    more; whoever needs it meanwhile waits for the same answer.
    """

    def __init__(self, requester: Requester) -> None:
        self._requester = requester
        self._jwk: Mapping[str, Any] | None = None
        self._fetching: asyncio.Task[Mapping[str, Any]] | None = None

    async def ask(
        self,
        request: Callable[[str], Request],
        form: AnswerKey,
        answer: type[A],
        *,
        principal: str = ANONYMOUS,
        message_id: UUID | None = None,
    ) -> A:
        """Have auth decide on ``request(sealed form)``. What is sealed in its answer opens with the form's answer key.

        Raises:
            TooLong: the form cannot be sealed.
            NoReply: auth does not answer in time, or knows not even the key that it gave just now.
        """
        plain = form.model_dump_json().encode()
        if len(plain) > _MAX_FORM_BYTES:
            raise TooLong(f"all of it together may have {_MAX_FORM_BYTES:,} bytes")
        jwk = self._jwk or await self._fetched()
        for last in (False, True):
            reply = await self._requester.ask(
                _OWNER, request(seal_credentials(plain, jwk)), answer, principal=principal, message_id=message_id
            )
            if reply.outcome != "KEY_UNKNOWN":
                return reply
            if not last:
                jwk = await self._other_than(jwk)
        raise NoReply("auth does not know the credential key that it gave a moment ago")

    async def _other_than(self, unknown: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._jwk is unknown:
            self._jwk = None
        return self._jwk or await self._fetched()

    async def _fetched(self) -> Mapping[str, Any]:
        if self._fetching is None:
            # An empty context: it serves many callers and must not run inside the trace of the first.
            self._fetching = asyncio.create_task(self._fetch(), name="credential-key", context=contextvars.Context())
            self._fetching.add_done_callback(self._done)
        # Shielded: that one client goes away must not take the key from the others.
        return await asyncio.shield(self._fetching)

    async def _fetch(self) -> Mapping[str, Any]:
        reply = await self._requester.ask(_OWNER, GetCredentialKey(), CredentialKey, principal=_PRINCIPAL)
        jwk = reply.jwk
        if jwk.get("kty") != "RSA" or not all(isinstance(jwk.get(name), str) for name in ("kid", "n", "e")):
            raise NoReply("auth's credential key is no RSA key with a kid")
        self._jwk = jwk
        return jwk

    def _done(self, task: "asyncio.Task[Mapping[str, Any]]") -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # told to those who wait; to nobody, where all have gone


def opened(sealed: str, answer_key: SecretStr, kind: type[M]) -> M:
    """The ``kind`` that auth sealed to this answer key.

    Raises:
        NoReply: it cannot be opened or read; never with anything of it.
    """
    try:
        return kind.model_validate_json(opened_bytes(sealed, answer_key))
    except ValueError:
        raise NoReply("the sealed part of auth's answer could not be understood") from None


def opened_bytes(sealed: str, answer_key: SecretStr) -> bytes:
    """What auth sealed to this answer key. Raises NoReply as ``opened``."""
    try:
        return open_answer(sealed, base64.urlsafe_b64decode(answer_key.get_secret_value() + "="))
    except NotOpened as error:
        raise NoReply(str(error)) from None
