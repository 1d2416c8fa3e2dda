"""Keyset pagination: pages that stay put while rows are inserted in front of them."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

MAX_PAGE_SIZE: Final = 100
DEFAULT_PAGE_SIZE: Final = 20

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidPage(Exception):
    """A page was asked for that cannot be; the message says which argument is wrong."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Place of a row in its list: newest first, the id decides between rows of one instant."""

    created_at: datetime
    id: UUID

    def cursor(self) -> str:
        """An opaque text for clients."""
        micros = (self.created_at - _EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(micros.to_bytes(8, "big") + self.id.bytes).decode()

    @classmethod
    def parse(cls, cursor: str, argument: str) -> "Position":
        """The position behind a cursor.

        Raises:
            InvalidPage: it is not one of ours.
        """
        try:
            raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
            if len(raw) != 24:
                raise ValueError(cursor)
            return cls(_EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big")), UUID(bytes=raw[8:]))
        except (ValueError, binascii.Error, OverflowError):
            raise InvalidPage(f"{argument} is not a cursor of this list") from None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Up to ``size`` rows behind ``after`` and before ``before``, counted from the end where ``backward``."""

    size: int
    after: Position | None
    before: Position | None
    backward: bool

    @classmethod
    def of(cls, first: int | None, after: str | None, last: int | None, before: str | None) -> "PageRequest":
        """Check Relay's arguments (https://relay.dev/graphql/connections.htm).

        Raises:
            InvalidPage: both first and last, a size outside 1..100, or a cursor that is not ours.
        """
        if first is not None and last is not None:
            raise InvalidPage("give first or last, not both")
        size = last if last is not None else first if first is not None else DEFAULT_PAGE_SIZE
        if not 1 <= size <= MAX_PAGE_SIZE:
            name = "last" if last is not None else "first"
            raise InvalidPage(f"{name} must be between 1 and {MAX_PAGE_SIZE}, not {size}")
        return cls(
            size=size,
            after=Position.parse(after, "after") if after is not None else None,
            before=Position.parse(before, "before") if before is not None else None,
            backward=last is not None,
        )
