"""Which messages of a dead queue are meant, kept within bounds of memory."""

import heapq
import itertools
from dataclasses import dataclass
from typing import cast

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.deadletter.errors import NoSuchLetter
from aiops_common.messaging.deadletter.letter import READ_BYTES, Selection
from aiops_common.messaging.deadletter.reading import Reading, read


@dataclass(frozen=True, slots=True)
class Found:
    """A letter that is meant; unless ``is_whole``, only the beginning of the body was kept."""

    reading: Reading
    message: AbstractIncomingMessage
    is_whole: bool


class Finder:
    """Looks at the messages of ``queue`` one by one and keeps those that ``selection`` means.

    Args:
        whole_bytes: keep whole bodies up to this sum, and one whatever its size; by default, and of what is beyond,
            only the part that is shown.
        newest: keep no more than so many, those that died last; all by default.
        first: keep no more than so many, those that the queue gives first; all by default.
    """

    def __init__(
        self,
        queue: str,
        selection: Selection,
        *,
        whole_bytes: int | None = None,
        newest: int | None = None,
        first: int | None = None,
    ) -> None:
        self.queue = queue
        self._selection = selection
        self._whole_bytes = whole_bytes
        self._has_whole = False
        self._newest = newest
        self._first = first
        self._kept: list[tuple[float, int, Found]] = []
        self._order = itertools.count()
        self.unknown = set(selection.ids or ())
        """The ids that are meant and were not seen."""

    @property
    def found(self) -> list[Found]:
        """What is meant, in the order of the queue."""
        return [found for _, _, found in sorted(self._kept, key=lambda entry: entry[1])]

    def look(self, message: AbstractIncomingMessage) -> None:
        """Keep ``message`` if it is meant, and no more of it than needed."""
        reading = read(message, self.queue)
        self.unknown.discard(reading.letter.id)
        if not self._selection.matches(reading.letter) or len(self._kept) == self._first:
            return
        is_whole = self._fits(len(message.body))
        if not is_whole:
            cast(aio_pika.Message, message).body = message.body[: READ_BYTES + 1]
        entry = (reading.letter.dead_at.timestamp(), next(self._order), Found(reading, message, is_whole))
        if self._newest is None:
            self._kept.append(entry)
        elif len(self._kept) < self._newest:
            heapq.heappush(self._kept, entry)
        elif self._kept:
            heapq.heappushpop(self._kept, entry)

    def _fits(self, size: int) -> bool:
        if self._whole_bytes is None or (size > self._whole_bytes and self._has_whole):
            return False
        self._whole_bytes -= size
        self._has_whole = True
        return True

    def refuse_unknown(self) -> None:
        """Raise NoSuchLetter if an id that is meant was not seen."""
        if self.unknown:
            raise NoSuchLetter([self.queue], self.unknown)
