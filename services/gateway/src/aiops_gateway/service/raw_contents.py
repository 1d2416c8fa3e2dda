"""Logs as they came in: asked of the summarizer, which keeps them sealed, and opened for administrators only."""

import asyncio
import base64
import binascii
from typing import Any
from uuid import UUID

from aiops_common.logging import get_logger
from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.sealing import Keyring, NotOpenable, UnknownKey
from aiops_contracts.summarizer import GetRawContent, RawContent
from aiops_gateway.domain.access import Viewer
from aiops_gateway.service.audit import Audit

_log = get_logger(__name__)


class RawContents:
    """Opens raw logs. What it opens is returned and goes nowhere else: no log line, span or cache ever has it."""

    def __init__(self, requester: Requester, keyring: Keyring, audit: Audit) -> None:
        self._requester = requester
        self._keyring = keyring
        self._audit = audit

    async def get(self, viewer: Viewer, log_id: UUID, address: str | None) -> str | None:
        """The log as it came in, None where it is not kept, not any more, or there is no such log.

        Who wants it is on record before it is read.

        Raises:
            DatabaseUnavailable: it could not be recorded, so nothing was read.
            NoReply: the summarizer did not answer in time.
            UnknownKey, NotOpenable: a key is missing here, or what is kept was changed.
        """
        attempt = await self._audit.intend(viewer, "rawLogContent", {}, subject=log_id, address=address)
        outcome, facts = "FAILED", dict[str, Any]()
        try:
            answer = await self._requester.ask(
                "summarizer", GetRawContent(log_id=log_id), RawContent, principal=viewer.principal
            )
            if answer.sealed is None:
                outcome = "NOT_KEPT"
                return None
            content = await asyncio.to_thread(self._opened, answer.sealed, log_id)
            outcome, facts = "SHOWN", {"bytes": len(content.encode())}
            return content
        except NoReply:
            outcome = "UNAVAILABLE"
            raise
        except UnknownKey as error:
            outcome, facts = "KEY_UNKNOWN", {"key_id": error.key_id}
            _log.error("raw_content.key_unknown", log_id=str(log_id), key_id=error.key_id)
            raise
        except NotOpenable:
            outcome = "NOT_OPENABLE"
            raise
        finally:
            await self._audit.conclude(attempt, outcome, facts)

    def _opened(self, sealed: str, log_id: UUID) -> str:
        try:
            return self._keyring.open(base64.b64decode(sealed, validate=True), about=log_id)
        except binascii.Error:
            raise NotOpenable("is not base64") from None
