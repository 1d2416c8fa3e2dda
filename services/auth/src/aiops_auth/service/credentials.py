"""Opening what clients' secrets come in, and closing what the answer's secrets go out in.

On the broker, credentials are ciphertext both ways: a request is encrypted to a key of auth, its answer to a key that
the request carries.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import ValidationError

from aiops_auth.domain import OPENS_AFTER_ROTATION, InvalidInput, StoredCredentialKey
from aiops_auth.repository import CredentialKeyRepository
from aiops_auth.service.ports import Clock, Transactions
from aiops_auth.tokens import CredentialCipher, content_key, credential_kid, seal_answer
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Connection
from aiops_contracts.auth import CredentialKey, GetCredentialKey
from aiops_contracts.base import Model
from aiops_contracts.credentials import AnswerKey

_log = get_logger(__name__)

F = TypeVar("F", bound=AnswerKey)


class KeyUnknown(Exception):
    """Sealed credentials do not open; the gateway asks for the credential key and tries again."""


class CredentialKeyMissing(Exception):
    """There is no credential key yet; ``Credentials.ensure_key`` makes one when the service starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Holds the keys to which credentials are encrypted."""

    transactions: Transactions
    repository: CredentialKeyRepository
    cipher: CredentialCipher
    clock: Clock

    async def open(self, sealed: str, form: type[F]) -> F:
        """The form that ``sealed`` holds.

        Raises:
            KeyUnknown: it was not encrypted to a key of ours that still opens, or was altered.
            InvalidInput: it opens, and breaks a rule of the form; the text never quotes it.
        """
        kid = credential_kid(sealed)
        if kid is None:
            raise KeyUnknown
        async with self.transactions() as connection:
            key = await self.repository.get(connection, kid)
        if key is None or not key.opens_at(self.clock()):
            raise KeyUnknown
        plaintext = await asyncio.to_thread(self.cipher.open_credentials, sealed, key)
        if plaintext is None:
            raise KeyUnknown
        try:
            opened = form.model_validate_json(plaintext)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
            field = ".".join(map(str, problem["loc"]))
            raise InvalidInput(field, f"{field or 'The form'}: {problem['msg']}.") from None
        if content_key(opened.answer_key.get_secret_value()) is None:
            raise InvalidInput("answer_key", "The answer key must be 32 bytes in base64url without padding.")
        return opened

    def seal(self, answer: Model, form: AnswerKey) -> str:
        """``answer`` for whoever sent ``form``, and for nobody on the way."""
        return seal_answer(answer.model_dump_json().encode(), form.answer_key.get_secret_value())

    async def current_key(self, _delivery: Delivery[GetCredentialKey]) -> CredentialKey:
        """The public key to encrypt to.

        Raises:
            CredentialKeyMissing: there is none yet.
        """
        async with self.transactions() as connection:
            key = await self.repository.current(connection)
        if key is None:
            raise CredentialKeyMissing("there is no credential key yet: it is made when the service starts")
        return CredentialKey(jwk=dict(key.jwk))

    async def ensure_key(self) -> None:
        """Make a key if there is none; otherwise make sure that it opens.

        Raises:
            aiops_auth.tokens.CredentialKeyUnreadable: the stored key was sealed with another master key.
        """
        async with self.transactions() as connection:
            await self.repository.lock(connection)
            key = await self.repository.current(connection)
            if key is not None:
                await asyncio.to_thread(self.cipher.open_key, key)
                return
            now = self.clock()
            key = await self._replace(connection, now, old_open_until=now)
        _log.info("credential_key.created", kid=key.kid)

    async def rotate(self, connection: Connection, *, at_once: bool = False) -> str:
        """Make a new key within the connection's transaction and return its ``kid``.

        The old one opens for an hour more, with ``at_once`` no more at all; those whose hour is over are deleted.
        """
        await self.repository.lock(connection)
        now = self.clock()
        key = await self._replace(connection, now, old_open_until=now if at_once else now + OPENS_AFTER_ROTATION)
        return key.kid

    async def _replace(self, connection: Connection, now: datetime, *, old_open_until: datetime) -> StoredCredentialKey:
        key = await asyncio.to_thread(self.cipher.new_credential_key, now)
        await self.repository.replace(connection, key, old_open_until=old_open_until)
        await self.repository.delete_closed(connection, now)
        return key
