"""A dead letter as an operator sees it, and which ones are meant."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from aiops_common.redaction import redact
from aiops_common.redaction.records import redact_line

SHOWN_BYTES = 4096
"""How much of a body is shown, as UTF-8."""

READ_BYTES = 2 * SHOWN_BYTES
"""How much of a body is read for that: a secret is only recognised whole, so redaction looks beyond the cut."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up by its consumer or by the broker.

    ``id`` is its own and stays the same from one look to the next; letters that the broker made and that differ in
    nothing share one. ``queue`` is the dead queue in which it lies.
    ``message_type`` is the routing key under which it was published. ``attempts`` is how often it was tried.
    ``dead_at`` is UTC. ``principal`` is on whose behalf a replay would run. ``body`` is redacted and cut at 4 KiB.
    """

    id: UUID
    queue: str
    message_type: str
    message_id: str | None
    reason: str
    error: str | None
    attempts: int
    dead_at: datetime
    trace_id: str | None
    principal: str | None
    body: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which dead letters are meant: those to which everything that is given here applies; by default all.

    ``before`` and ``after`` compare with ``dead_at``, both exclusive, and must have a time zone.
    """

    ids: frozenset[UUID] | None = None
    reason: str | None = None
    message_type: str | None = None
    before: datetime | None = None
    after: datetime | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Whether ``letter`` is meant."""
        return (
            (self.ids is None or letter.id in self.ids)
            and (self.reason is None or letter.reason == self.reason)
            and (self.message_type is None or letter.message_type == self.message_type)
            and (self.before is None or letter.dead_at < self.before)
            and (self.after is None or letter.dead_at > self.after)
        )


def redacted(letter: DeadLetter, body: bytes) -> DeadLetter:
    """``letter`` as an operator may see it: its sender chose not only the body, but also the message's id and type."""
    return replace(
        letter,
        message_type=redact_line(letter.message_type),
        message_id=letter.message_id and redact_line(letter.message_id),
        error=letter.error and redact_line(letter.error),
        body=shown(body),
    )


def shown(body: bytes) -> str:
    """The beginning of a body as an operator may see it: redacted, at most ``SHOWN_BYTES`` long.

    Nothing of ``body`` beyond ``READ_BYTES`` is looked at. What stands just before that cut may be half a secret, which
    no rule recognises, so it is left out even where redaction made the text before it short.
    """
    beginning = body[:READ_BYTES].decode("utf-8", errors="replace")
    redacted = redact(beginning).text.encode()
    end = len(redacted) if len(body) <= READ_BYTES else len(redacted) - SHOWN_BYTES
    return redacted[: max(0, min(SHOWN_BYTES, end))].decode("utf-8", errors="ignore")
