"""Dead letters as administrators list and replay them, and what is put on record."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from aiops_common.messaging.deadletter import BrokerUnavailable, DeadLetter, QueueRefused, Stopped
from aiops_common.messaging.topology import load
from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.dead_letters import MOST_CHOSEN, BadChoice, UnknownLetters
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.service.dead_letters import DEAD_QUEUES, DeadLetterOffice, UnknownQueue, position
from unit.gateway.fake_dead_letters import FakeAudit, FakeDeadLetters, letter, unkept

ADMIN = Viewer(uuid4(), Role.ADMIN)
QUEUE = "triage.dead"
PERSONAL = "jane.doe@example.org"


class Desk:
    """The office with its letters and its records, which share a journal."""

    def __init__(self, *letters: DeadLetter) -> None:
        self.journal: list[str] = []
        self.letters = FakeDeadLetters(*letters, journal=self.journal)
        self.audit = FakeAudit(self.journal)
        self.office = DeadLetterOffice(self.letters, self.audit, unkept())

    async def replay(self, ids: Sequence[UUID | None] | None, queue: str = QUEUE) -> int:
        return await self.office.replay(ADMIN, queue, ids)


def test_the_dead_queues_are_those_of_the_topology() -> None:
    topology = load(Path(__file__).parents[3] / "deploy" / "rabbitmq" / "topology.yaml")
    assert sorted(queue.name for queue in topology.queues if queue.name.endswith(".dead")) == list(DEAD_QUEUES)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
async def test_pages_cover_the_list_while_letters_die(size: int) -> None:
    old = [letter(second=number // 3) for number in range(8)]  # several share their instant
    desk = Desk(*old)
    seen: list[UUID] = []
    after = None
    while True:
        page = await desk.office.page(None, PageRequest.of(size, after, None, None))
        seen += [one.id for one in page.rows]
        desk.letters.letters.append(letter(second=100))
        if not page.has_next:
            break
        after = position(page.rows[-1]).cursor()
    assert seen == [one.id for one in sorted(old, key=position, reverse=True)]


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_pages_cover_letters_that_died_in_one_instant(size: int) -> None:
    desk = Desk(letter(second=2), *(letter(second=1) for _ in range(150)), letter(second=0))
    seen: list[UUID] = []
    after, has_next = None, True
    while has_next:
        page = await desk.office.page(QUEUE, PageRequest.of(size, after, None, None))
        assert len(page.rows) == size or not page.has_next
        seen += [one.id for one in page.rows]
        after, has_next = position(page.rows[-1]).cursor(), page.has_next
    assert seen == [one.id for one in sorted(desk.letters.letters, key=position, reverse=True)]


@pytest.mark.parametrize("at", [datetime.max.replace(tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
async def test_a_cursor_may_lie_at_either_end_of_time(at: datetime) -> None:
    desk = Desk(letter())
    page = await desk.office.page(None, PageRequest.of(5, Position(at, UUID(int=0)).cursor(), None, None))
    assert len(page.rows) == (at.year > 2026)


async def test_a_queue_is_listed_alone_or_with_all_others() -> None:
    letters = [letter(queue, second=number) for number, queue in enumerate(DEAD_QUEUES)]
    desk = Desk(*letters)
    request = PageRequest.of(None, None, None, None)
    assert (await desk.office.page(None, request)).rows == letters[::-1]
    for one in letters:
        page = await desk.office.page(one.queue, request)
        assert (page.rows, page.has_next, await desk.office.count(one.queue)) == ([one], False, 1)
    assert await desk.office.count(None) == len(letters)


@pytest.mark.parametrize("queue", ["", "triage", "triage.work", "billing.dead", "unrouted", "\ud800", "x" * 10**6])
async def test_an_unknown_queue_is_told_with_those_that_there_are(queue: str) -> None:
    desk = Desk(letter())
    with pytest.raises(UnknownQueue) as listed:
        await desk.office.page(queue, PageRequest.of(None, None, None, None))
    with pytest.raises(UnknownQueue):
        await desk.office.count(queue)
    with pytest.raises(UnknownQueue):
        await desk.replay(None, queue)
    assert ", ".join(DEAD_QUEUES) in str(listed.value)
    assert len(str(listed.value).encode()) < 300
    assert len(desk.letters.letters) == 1


async def test_one_letter_is_found_in_whatever_queue_it_lies() -> None:
    one, other = letter("summarizer.dead"), letter("gateway.dead")
    desk = Desk(one, other)
    assert await desk.office.get(one.id) == one
    assert await desk.office.get(uuid4()) is None


async def test_named_letters_are_replayed_and_no_others() -> None:
    letters = [letter(second=number) for number in range(4)]
    desk = Desk(*letters)
    assert await desk.replay([letters[2].id, letters[0].id, letters[2].id]) == 2
    assert desk.letters.letters == [letters[1], letters[3]]
    assert desk.audit.last == {
        "queue": QUEUE,
        "ids": [str(letters[number].id) for number in (2, 0, 2)],
        "replayed": 2,
        "replayed_ids": [str(letters[0].id), str(letters[2].id)],
        "outcome": "REPLAYED",
    }


async def test_without_ids_all_of_one_queue_are_replayed() -> None:
    letters = [letter(second=number) for number in range(3)]
    desk = Desk(*letters, letter("summarizer.dead"))
    assert await desk.replay(None) == 3
    assert [one.queue for one in desk.letters.letters] == ["summarizer.dead"]
    assert (desk.audit.last["ids"], desk.audit.last["replayed"]) == (None, 3)
    assert await desk.replay(None) == 0


async def test_the_intent_is_on_record_before_anything_moves() -> None:
    desk = Desk(letter())
    await desk.replay(None)
    assert desk.journal == ["intend", "replay 1", "conclude REPLAYED"]


async def test_what_cannot_be_recorded_is_not_done() -> None:
    desk = Desk(letter())
    desk.audit.failure = DatabaseUnavailable("away")
    with pytest.raises(DatabaseUnavailable):
        await desk.replay(None)
    assert desk.journal == []
    assert len(desk.letters.letters) == 1


KNOWN, UNKNOWN = UUID(int=7), UUID(int=8)


@pytest.mark.parametrize(
    ("ids", "kind", "places"),
    [
        ([UNKNOWN], UnknownLetters, (0,)),
        ([KNOWN, UNKNOWN], UnknownLetters, (1,)),
        ([UNKNOWN, KNOWN, UNKNOWN], UnknownLetters, (0, 2)),
        ([KNOWN, None], UnknownLetters, (1,)),
        ([], BadChoice, ()),
        ([KNOWN] * (MOST_CHOSEN + 1), BadChoice, ()),
    ],
)
async def test_a_choice_that_cannot_be_moves_nothing_and_is_on_record(
    ids: list[UUID | None], kind: type[BadChoice], places: tuple[int, ...]
) -> None:
    desk = Desk(letter(identity=KNOWN))
    with pytest.raises(BadChoice) as refused:
        await desk.replay(ids)
    assert (type(refused.value), refused.value.places) == (kind, places)
    assert len(desk.letters.letters) == 1
    assert desk.journal == ["intend", "conclude REFUSED"]
    assert (desk.audit.last["outcome"], desk.audit.last["replayed"]) == ("REFUSED", 0)
    assert len(desk.audit.last["ids"]) <= MOST_CHOSEN


@pytest.mark.parametrize(("ids", "places"), [([KNOWN, UNKNOWN], (1,)), (None, ())])
async def test_a_letter_that_has_no_way_back_is_named(ids: list[UUID | None] | None, places: tuple[int, ...]) -> None:
    desk = Desk(letter(identity=KNOWN), letter(identity=UNKNOWN))
    desk.letters.unreturnable = frozenset({UNKNOWN})
    with pytest.raises(BadChoice) as refused:
        await desk.replay(ids)
    assert (type(refused.value), refused.value.places, refused.value.letters) == (BadChoice, places, (UNKNOWN,))
    assert len(desk.letters.letters) == 2


DONE = letter()


@pytest.mark.parametrize(
    ("failure", "outcome", "replayed"),
    [
        (BrokerUnavailable("away"), "UNAVAILABLE", 0),
        (Stopped("away in the middle", [DONE]), "STOPPED", 1),
        (QueueRefused("may not be read"), "FAILED", None),
        (asyncio.CancelledError(), "FAILED", None),
    ],
)
async def test_a_failure_is_on_record_with_what_was_replayed_before_it(
    failure: BaseException, outcome: str, replayed: int | None
) -> None:
    desk = Desk(letter())
    desk.letters.failure = failure
    with pytest.raises(type(failure)):
        await desk.replay(None)
    assert (desk.audit.last["outcome"], desk.audit.last.get("replayed")) == (outcome, replayed)
    if outcome == "STOPPED":
        assert desk.audit.last["replayed_ids"] == [str(DONE.id)]


async def test_nothing_that_came_with_a_letter_or_a_request_is_on_record() -> None:
    desk = Desk(letter(body=f'{{"reporter_email": "{PERSONAL}"}}'))
    await desk.replay(None)
    with pytest.raises(UnknownQueue):
        await desk.replay(None, PERSONAL)
    assert len(desk.audit.records) == 2
    assert PERSONAL not in str(desk.audit.records)
    assert {record.actor for record in desk.audit.records.values()} == {ADMIN.principal}
