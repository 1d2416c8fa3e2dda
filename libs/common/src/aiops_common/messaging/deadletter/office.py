"""Looking at dead letters, replaying and discarding them."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from aiops_common.messaging.connection import BrokerConnection, BrokerUnavailable
from aiops_common.messaging.deadletter.errors import NoSuchLetter, NotReplayable, Stopped
from aiops_common.messaging.deadletter.finding import Finder, Found
from aiops_common.messaging.deadletter.held import Held, exchange_exists, held
from aiops_common.messaging.deadletter.letter import DeadLetter, Selection, redacted
from aiops_common.messaging.deadletter.replay import send_home
from aiops_common.messaging.message import PARTNER
from aiops_common.messaging.metrics import known_types
from aiops_common.messaging.names import INGRESS_PREFIX
from aiops_common.messaging.publisher import Publisher, Unroutable

EVERYTHING = Selection()

MOST_BODY_BYTES = 64 * 1024 * 1024
"""Whole bodies in memory at a time; a replay of more goes through the queue more than once."""

MOST_AT_ONCE = 10_000
"""Letters of one replay or discard: each costs kilobytes while it is held."""

CONFIRMS_AT_ONCE = 50
"""Copies that are under way at a time."""


class DeadLetters:
    """The dead queues of a broker, over connections of their own; safe to share within one event loop.

    The user of ``url`` needs to read the queues and, for a replay, to write to the retry exchange. While somebody looks
    at a queue its letters are hidden from everybody else: for as long as that takes, others do not find them.
    """

    def __init__(self, url: str, *, name: str) -> None:
        self._connection = BrokerConnection(url, name=f"{name}.deadletters")
        self._publisher = Publisher(url, name=f"{name}.deadletters")
        self._in_use: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def start(self) -> None:
        """Connects on first use; here to be a component."""

    async def stop(self) -> None:
        """Close the connections."""
        await self._publisher.stop()
        await self._connection.close()

    async def browse(
        self, queues: Sequence[str], selection: Selection = EVERYTHING, limit: int = 1000
    ) -> list[DeadLetter]:
        """The newest ``limit`` letters of ``queues`` that match, newest first; the queues are left as they were.

        Raises:
            NoSuchLetter: the selection names ids that are in none of the queues.
            QueueRefused: a queue does not exist or may not be read.
            BrokerUnavailable: no answer within the deadline.
        """
        newest: list[Found] = []
        unknown = set(selection.ids or ())
        for queue in dict.fromkeys(queues):
            finder = Finder(queue, selection, newest=limit)
            async with self._in_use[queue], held(self._connection, queue, finder.look):
                pass
            unknown &= finder.unknown
            newest = heapq.nlargest(limit, [*newest, *finder.found], key=_dead_at)
        if unknown:
            raise NoSuchLetter(queues, unknown)
        return await self._letters(newest)

    async def replay(self, queue: str, selection: Selection, *, dry_run: bool = False) -> list[DeadLetter]:
        """Send letters of ``queue`` that match back to where they were consumed; returns them, oldest first.

        No more than MOST_AT_ONCE, so that a large queue does not fill the memory; for the rest, call it again. A letter
        leaves the queue when its copy is confirmed. Should the connection break between the two, it is in both
        queues; the message id is the same, so whoever consumes it does the work once.

        Raises:
            NoSuchLetter, NotReplayable, QueueRefused: nothing was changed.
            BrokerUnavailable: no answer within the deadline; nothing was changed.
            Stopped: it failed in the middle; says which letters were replayed.
        """
        done: list[DeadLetter] = []
        while True:
            finder = Finder(queue, selection, whole_bytes=None if dry_run else MOST_BODY_BYTES, first=MOST_AT_ONCE)
            try:
                async with self._in_use[queue], held(self._connection, queue, finder.look) as hold:
                    if not done:
                        _check(finder)
                    letters = await self._letters(finder.found)
                    if dry_run:
                        return letters
                    await self._send_home(hold, finder, letters, done)
            except BrokerUnavailable as error:
                if not done:
                    raise
                raise _stopped(queue, done, error) from error
            later = frozenset(found.reading.letter.id for found in finder.found if not found.is_whole)
            if not later:
                return done
            # Those that did not fit into memory; what somebody else took meanwhile is not missed.
            selection = Selection(ids=later)

    async def discard(self, queue: str, selection: Selection, *, dry_run: bool = False) -> list[DeadLetter]:
        """Throw letters of ``queue`` away that match, no more than MOST_AT_ONCE; returns them, oldest first.

        Raises:
            NoSuchLetter, QueueRefused, BrokerUnavailable: as ``replay``.
            Stopped: the connection broke in the middle; which ones are gone is not known.
        """
        finder = Finder(queue, selection, first=MOST_AT_ONCE)
        async with self._in_use[queue], held(self._connection, queue, finder.look) as hold:
            finder.refuse_unknown()
            letters = await self._letters(finder.found)
            if dry_run or not letters:
                return letters
            try:
                await hold.acknowledge(*(found.message for found in finder.found))
            except BrokerUnavailable as error:
                raise Stopped(f"{queue}: {error}; some letters may be gone, list them to see which", ()) from error
            return letters

    async def _send_home(
        self, hold: Held, finder: Finder, letters: Sequence[DeadLetter], done: list[DeadLetter]
    ) -> None:
        """Publish, then acknowledge, batch by batch; letters whose copy was confirmed are added to ``done``."""
        pairs = [pair for pair in zip(finder.found, letters, strict=True) if pair[0].is_whole]
        for start in range(0, len(pairs), CONFIRMS_AT_ONCE):
            batch = pairs[start : start + CONFIRMS_AT_ONCE]
            outcomes = await asyncio.gather(*(self._send(*pair) for pair in batch), return_exceptions=True)
            sent = [pair for pair, failure in zip(batch, outcomes, strict=True) if failure is None]
            done += [letter for _, letter in sent]
            await hold.acknowledge(*(found.message for found, _ in sent))
            for failure in outcomes:
                if isinstance(failure, BrokerUnavailable | Unroutable):
                    raise _stopped(finder.queue, done, failure) from failure
                if failure is not None:
                    raise failure

    async def _send(self, found: Found, letter: DeadLetter) -> None:
        home = found.reading.home
        if home is None:  # never taken for sent: it would be removed
            raise NotReplayable(letter.queue, {letter.id})
        wire_type = known_types.label(letter.message_type)
        await send_home(self._publisher, found.message, replace(found.reading, letter=letter), home, wire_type)

    async def _letters(self, found: Iterable[Found]) -> list[DeadLetter]:
        """What is shown of messages; only now they are redacted and their principals made certain."""
        partners: dict[str, bool] = {}
        letters = []
        for one in found:
            letter, user = one.reading.letter, one.reading.unless_partner
            if user is not None:
                if user not in partners:
                    # Partners are those users who have an exchange to write to.
                    partners[user] = await exchange_exists(self._connection, INGRESS_PREFIX + user)
                if partners[user]:
                    letter = replace(letter, principal=PARTNER + user)
            letters.append(await asyncio.to_thread(redacted, letter, one.message.body))
        return letters


def _check(finder: Finder) -> None:
    finder.refuse_unknown()
    homeless: set[UUID] = {found.reading.letter.id for found in finder.found if found.reading.home is None}
    if homeless:
        raise NotReplayable(finder.queue, homeless)


def _stopped(queue: str, done: Sequence[DeadLetter], error: Exception) -> Stopped:
    return Stopped(f"{queue}: stopped after {len(done)}, the others are still there: {error}", done)


def _dead_at(found: Found) -> float:
    return found.reading.letter.dead_at.timestamp()
