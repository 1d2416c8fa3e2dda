"""What can be believed of a message that was delivered: who sent it, and what our own headers say."""

import time
from collections.abc import Container
from dataclasses import dataclass, field
from uuid import UUID

from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.message import PARTNER, Poison
from aiops_common.messaging.names import (
    ATTEMPT_HEADER,
    COMMANDS_EXCHANGE,
    EVENTS_EXCHANGE,
    INGRESS_PREFIX,
    LOST_HEADER,
    OPERATOR,
    PRINCIPAL_HEADER,
    ROLE_HEADER,
    WAITING_SINCE_HEADER,
)
from aiops_common.metrics import OTHER

_MOST_ATTEMPTS = 999
_LONGEST_ROLE = 50


@dataclass(frozen=True, slots=True)
class Incoming:
    """A delivery with its headers sanitised.

    ``message_type`` is the wire type if it is one of those that are handled here, else ``other``: what a stranger wrote
    instead is for its dead letter only. ``principal`` is who asked, None where nobody can be named. ``attempt`` counts
    from 1. ``waiting_since`` is when it was first put off (milliseconds since 1970, UTC), None if it never was.
    ``lost`` is how often it was delivered and came back without a word, because the consumer that had it ended.
    ``arrived`` is monotonic, in seconds. ``role`` is the principal's, None where nobody says or it is not believed.
    """

    raw: AbstractIncomingMessage
    message_type: str
    principal: str | None
    attempt: int
    waiting_since: int | None
    lost: int
    arrived: float = field(default_factory=time.monotonic)
    role: str | None = None

    @classmethod
    def of(cls, raw: AbstractIncomingMessage, trusted_users: frozenset[str], types: Container[str] = ()) -> "Incoming":
        """Read ``raw``; our own headers count only where one of ``trusted_users`` published it. ``types`` are those
        that are handled here."""
        kind = published if (published := published_as(raw)) in types else OTHER
        lost = (_integer(raw, "x-delivery-count", _MOST_ATTEMPTS) or 0) if raw.redelivered else 0
        # Only the partner itself can write to its exchange, so that is proof enough of who it is.
        if raw.exchange and raw.exchange.startswith(INGRESS_PREFIX):
            return cls(raw, kind, PARTNER + raw.exchange.removeprefix(INGRESS_PREFIX), 1, None, lost)
        # RabbitMQ verifies user_id against the connection.
        if not raw.user_id:
            return cls(raw, kind, None, 1, None, lost)
        if raw.user_id not in trusted_users and raw.user_id != OPERATOR:
            return cls(raw, kind, PARTNER + raw.user_id, 1, None, lost)
        claimed = raw.headers.get(PRINCIPAL_HEADER)
        return cls(
            raw,
            kind,
            claimed if isinstance(claimed, str) else f"service:{raw.user_id}",
            1 + (_integer(raw, ATTEMPT_HEADER, _MOST_ATTEMPTS) or 0),
            _integer(raw, WAITING_SINCE_HEADER, milliseconds_now()),
            lost + (_integer(raw, LOST_HEADER, _MOST_ATTEMPTS) or 0),
            role=_role(raw) if isinstance(claimed, str) else None,
        )

    @property
    def message_id(self) -> str | None:
        """The id that the message's properties give, as far as it may be told; see ``uuid_text``."""
        return uuid_text(self.raw.message_id)

    @property
    def is_first(self) -> bool:
        """Whether nobody had the message before: it is no copy, and came from where messages are published."""
        return not self.raw.redelivered and _is_published_to(self.raw.exchange or "")

    @property
    def is_from_outside(self) -> bool:
        """Whether an outside publisher sent it."""
        return self.principal is not None and self.principal.startswith(PARTNER)

    def named_principal(self) -> str:
        """``principal``. Raises Poison where nobody can be named."""
        if self.principal is None:
            raise Poison("no_user_id", "the property user_id is missing; set it to the user of the connection")
        return self.principal

    def waited_seconds(self) -> float:
        """Seconds since the message was first put off, 0 if it never was."""
        return 0.0 if self.waiting_since is None else (milliseconds_now() - self.waiting_since) / 1000

    def waiting_headers(self, failed_attempts: int, lost: int) -> dict[str, str | int]:
        """Our headers for a copy that waits: who asked, how many attempts failed, how many deliveries were lost since
        the last of them, and since when it has waited."""
        since = milliseconds_now() if self.waiting_since is None else self.waiting_since
        return {
            ATTEMPT_HEADER: failed_attempts,
            WAITING_SINCE_HEADER: since,
            LOST_HEADER: lost,
            **self.principal_header(),
        }

    def principal_header(self) -> dict[str, str | int]:
        """Who asked, kept on copies: the copy's own user_id is ours."""
        role: dict[str, str | int] = {} if self.role is None else {ROLE_HEADER: self.role}
        return {} if self.principal is None else {PRINCIPAL_HEADER: self.principal, **role}


def uuid_text(value: str | None) -> str | None:
    """``value`` if it is the text of a UUID: any other id is what a stranger wrote, for no log and no span."""
    try:
        return str(UUID(value)) if value and len(value) == 36 else None
    except ValueError:
        return None


def published_as(raw: AbstractIncomingMessage) -> str:
    """The routing key under which the message was first published, which is its wire type."""
    if _is_published_to(raw.exchange or ""):
        return raw.routing_key or ""
    # The ladder and a replay return it under the name of its queue; our copies keep the type.
    return raw.type or raw.routing_key or ""


def _is_published_to(exchange: str) -> bool:
    return exchange in (COMMANDS_EXCHANGE, EVENTS_EXCHANGE) or exchange.startswith(INGRESS_PREFIX)


def milliseconds_now() -> int:
    """The present, as our headers tell time."""
    return time.time_ns() // 1_000_000


def _role(raw: AbstractIncomingMessage) -> str | None:
    value = raw.headers.get(ROLE_HEADER)
    return value if isinstance(value, str) and len(value) <= _LONGEST_ROLE else None


def _integer(raw: AbstractIncomingMessage, header: str, most: int) -> int | None:
    value = raw.headers.get(header)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most else None
