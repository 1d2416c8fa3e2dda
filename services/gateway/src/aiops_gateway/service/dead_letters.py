"""Dead letters: listed and sent back for administrators, every attempt to send some back on record."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from aiops_common.messaging.deadletter import (
    BrokerUnavailable,
    DeadLetter,
    DeadLetters,
    NoSuchLetter,
    NotReplayable,
    Selection,
    Stopped,
)
from aiops_common.messaging.names import dead_queue
from aiops_contracts.base import Command
from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TriageTicket
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.dead_letters import MOST_CHOSEN, BadChoice, UnknownLetters, chosen, places
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.service.acceptance import Identity
from aiops_gateway.service.answers import Answer, Answers
from aiops_gateway.service.audit import Audit

_COMMANDS: Final[tuple[type[Command], ...]] = (SummarizeLog, TriageTicket, GenerateChangelog)

_FOLLOWERS: Final = ("auth", "gateway")
"""Who consumes events and no commands."""

DEAD_QUEUES: Final = tuple(
    sorted(dead_queue(owner) for owner in (*_FOLLOWERS, *(kind.message_type.partition(".")[0] for kind in _COMMANDS)))
)
"""Every dead queue: of those that only consume events, and of the owners that commands are sent to."""

MOST_COUNTED: Final = 1_000
"""Letters that are counted: all of them are read and redacted for it, at up to 4 ms each."""

_TICK: Final = timedelta(microseconds=1)
_LAST: Final = datetime.max.replace(tzinfo=UTC) - _TICK

_SHOWN: Final = 64
"""Characters of an unknown queue's name that are repeated to whoever gave it."""


class UnknownQueue(Exception):
    """There is no such dead-letter queue; the text names those that there are."""

    def __init__(self, queue: str) -> None:
        known = ", ".join(DEAD_QUEUES)
        super().__init__(f"there is no dead-letter queue {queue[:_SHOWN]!r}; there are {known}")


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Dead letters in list order, and whether older ones follow."""

    rows: list[DeadLetter]
    has_next: bool


class DeadLetterOffice:
    """What administrators do with dead letters. All methods raise BrokerUnavailable where RabbitMQ does not answer."""

    def __init__(self, letters: DeadLetters, audit: Audit, answers: Answers) -> None:
        self._letters = letters
        self._audit = audit
        self._answers = answers

    async def page(self, queue: str | None, request: PageRequest) -> LetterPage:
        """One page of a queue's letters, or of all queues', newest first.

        Raises:
            UnknownQueue: there is none of that name.
        """
        queues, older = _queues(queue), _up_to(request.after)
        limit = 2 * request.size + 10
        while True:
            listed = await self._letters.browse(queues, older, limit)
            complete = len(listed) < limit
            # The limit cuts through the letters of one instant wherever it likes, cursors go by their ids: of an
            # instant that may have been cut none is taken.
            sure = listed if complete else [one for one in listed if one.dead_at > listed[-1].dead_at]
            rows = [one for one in sure if request.after is None or position(one) < request.after]
            if complete or len(rows) > request.size:
                rows.sort(key=position, reverse=True)
                return LetterPage(rows[: request.size], has_next=len(rows) > request.size)
            limit *= 8

    async def count(self, queue: str | None) -> int:
        """How many letters a queue has, or all queues have, up to MOST_COUNTED.

        Raises:
            UnknownQueue: there is none of that name.
        """
        return len(await self._letters.browse(_queues(queue), limit=MOST_COUNTED))

    async def get(self, identity: UUID) -> DeadLetter | None:
        """One letter, None where no queue has it."""
        try:
            found = await self._letters.browse(DEAD_QUEUES, Selection(ids=frozenset({identity})), limit=1)
        except NoSuchLetter:
            return None
        return found[0] if found else None

    async def replay(
        self,
        viewer: Viewer,
        queue: str,
        ids: Sequence[UUID | None] | None,
        *,
        key: str | None = None,
        address: str | None = None,
    ) -> int:
        """Send letters of ``queue`` back to where they were consumed; returns how many.

        ``ids`` chooses; None chooses all, and None within it stands for what is no letter's id. With an idempotency
        key it is done once, and its repetitions get the same number. The attempt is recorded before, the outcome after.

        Raises:
            UnknownQueue, UnknownLetters, BadChoice: nothing was replayed.
            Stopped: the broker went away amid it; the audit log says which were replayed.
            DatabaseUnavailable: it could not be recorded, so nothing was replayed.
            KeyReused: the key stands for something else. StillRunning: another gateway is at it.
        """
        asked = json.dumps([queue, None if ids is None else [identity and str(identity) for identity in ids]])

        async def act() -> Answer:
            return {"replayed": await self._replay_recorded(viewer, queue, ids, address)}

        identity = Identity.under(viewer.principal, "replayDeadLetters", key, asked)
        replayed: int = (await self._answers.once(identity, act))["replayed"]
        return replayed

    async def _replay_recorded(
        self, viewer: Viewer, queue: str, ids: Sequence[UUID | None] | None, address: str | None
    ) -> int:
        attempt = await self._audit.intend(viewer, "replayDeadLetters", _asked(queue, ids), address=address)
        # Without a number of replayed letters, nobody knows it.
        outcome, facts = "FAILED", dict[str, Any]()
        try:
            replayed = await self._replay(queue, ids)
            outcome, facts = "REPLAYED", _done(replayed)
        except (UnknownQueue, BadChoice):
            outcome, facts = "REFUSED", _done(())
            raise
        except Stopped as error:
            outcome, facts = "STOPPED", _done(error.done)
            raise
        except BrokerUnavailable:
            outcome, facts = "UNAVAILABLE", _done(())
            raise
        finally:
            await self._audit.conclude(attempt, outcome, facts)
        return len(replayed)

    async def _replay(self, queue: str, ids: Sequence[UUID | None] | None) -> list[DeadLetter]:
        known, selection = _known(queue), Selection(ids=None if ids is None else chosen(ids))
        try:
            return await self._letters.replay(known, selection)
        except NoSuchLetter as error:
            raise UnknownLetters.among(ids or (), error.ids) from error
        except NotReplayable as error:
            message = "it came from no consumer, so there is no queue to return it to; let its sender send it again"
            raise BadChoice(message, places(ids or (), error.ids), error.ids) from error


def position(letter: DeadLetter) -> Position:
    """Where the letter stands in its list."""
    return Position(letter.dead_at, letter.id)


def _up_to(place: Position | None) -> Selection:
    """The letters from the instant of ``place`` on into the past."""
    return Selection() if place is None else Selection(before=min(place.created_at, _LAST) + _TICK)


def _queues(queue: str | None) -> Sequence[str]:
    return DEAD_QUEUES if queue is None else (_known(queue),)


def _known(queue: str) -> str:
    if queue not in DEAD_QUEUES:
        raise UnknownQueue(queue)
    return queue


def _asked(queue: str, ids: Sequence[UUID | None] | None) -> dict[str, Any]:
    # A name that is not one of ours may be anything, also personal: that there was one must do.
    known = None if ids is None else [str(identity) for identity in ids[:MOST_CHOSEN] if identity is not None]
    return {"queue": queue if queue in DEAD_QUEUES else None, "ids": known}


def _done(letters: Sequence[DeadLetter]) -> dict[str, Any]:
    return {"replayed": len(letters), "replayed_ids": [str(letter.id) for letter in letters]}
