"""Logs as they came in: redacted for everybody, and kept for a while, sealed."""

import base64
from dataclasses import dataclass, field

from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Pool
from aiops_common.redaction import redact, redact_name
from aiops_common.sealing import Keyring, NotOpenable, key_id
from aiops_contracts.summarizer import MAX_SOURCE_LENGTH, GetRawContent, RawContent, SummarizeLog
from aiops_summarizer.engine import iter_lines
from aiops_summarizer.repository import RawContentRepository

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """A log as it is worked on: ``content`` is redacted, the rest tells of it as it came in.

    ``sealed`` is the log as it came in, None where it cannot be kept.
    """

    source: str
    content: str
    redactions: int
    line_count: int
    byte_count: int
    sealed: bytes | None = field(repr=False)


class RawContents:
    """Takes in logs, keeps them sealed and hands them out sealed."""

    def __init__(self, pool: Pool, repository: RawContentRepository, keyring: Keyring) -> None:
        self._pool = pool
        self._repository = repository
        self._keyring = keyring

    def receive(self, delivery: Delivery[SummarizeLog]) -> Received:
        """Redact and seal a log, unless one of our own did: its word is taken, a partner's is not.

        Keeps a core busy for as long as a second for a log of 1 MiB: not to be called on the event loop.
        """
        message = delivery.message
        if message.redacted and not delivery.is_from_outside:
            byte_count = len(message.content.encode()) if message.byte_count is None else message.byte_count
            lines = _lines(message.content)
            return Received(message.source, message.content, message.redactions, lines, byte_count, _sealed(delivery))
        redacted = redact(message.content)
        return Received(
            redact_name(message.source)[:MAX_SOURCE_LENGTH],
            redacted.text,
            redacted.count,
            _lines(redacted.text),
            len(message.content.encode()),
            self._keyring.seal(message.content, about=delivery.id),
        )

    async def keep(self, delivery: Delivery[SummarizeLog], received: Received) -> None:
        """Keep the log as it came in, once.

        Called before the log's entry is written, in a transaction of its own. After a crash between the two the message
        comes again, finds this done and writes the entry; if it never comes again, retention takes this away.
        """
        if received.sealed is None:
            return
        async with self._pool.connection() as connection:
            await self._repository.add(connection, delivery.id, key_id(received.sealed), received.sealed)

    async def get(self, delivery: Delivery[GetRawContent]) -> RawContent:
        """A log as it came in, sealed."""
        async with self._pool.connection() as connection:
            sealed = await self._repository.get(connection, delivery.message.log_id)
        return RawContent(sealed=None if sealed is None else base64.b64encode(sealed).decode())


def _lines(text: str) -> int:
    return sum(1 for _ in iter_lines(text))


def _sealed(delivery: Delivery[SummarizeLog]) -> bytes | None:
    encoded = delivery.message.sealed_content
    if encoded is None:
        return None
    try:
        sealed = base64.b64decode(encoded, validate=True)
        key_id(sealed)
    except (ValueError, NotOpenable) as error:
        # The summary is worth more than what it was made from.
        _log.error("raw_content.not_kept", log_id=str(delivery.id), error=type(error).__name__)
        return None
    return sealed
