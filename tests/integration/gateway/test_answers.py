"""One answer for all repetitions of a request: in one gateway, in several, and after one of them died."""

import asyncio
from uuid import uuid4

import pytest

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.dead_letters import BadChoice
from aiops_gateway.repository import answers as repository
from aiops_gateway.repository.acceptance import Key
from aiops_gateway.service.acceptance import Identity, KeyReused
from aiops_gateway.service.answers import Answer, Answers, StillRunning
from aiops_gateway.service.dead_letters import DeadLetterOffice
from support.eventually import eventually
from unit.gateway.fake_dead_letters import FakeAudit, FakeDeadLetters, letter

QUEUE = "triage.dead"
ADMIN = Viewer(uuid4(), Role.ADMIN)


def identity(asked: str = "the same", key: str | None = "a-key") -> Identity:
    return Identity.under(ADMIN.principal, "replayDeadLetters", key, asked)


class Work:
    """Counts how often it is begun; ends when it is let go, with what ``outcome`` is."""

    def __init__(self, outcome: Answer | Exception) -> None:
        self.outcome = outcome
        self.begun = 0
        self.let_go = asyncio.Event()

    async def __call__(self) -> Answer:
        self.begun += 1
        await self.let_go.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def has_begun(self) -> bool:
        return self.begun > 0


def done(number: int = 1) -> Work:
    work = Work({"replayed": number})
    work.let_go.set()
    return work


async def test_a_hundred_at_once_are_done_once(pool: Pool) -> None:
    work, answers = Work({"replayed": 3}), Answers(pool, wait_seconds=5)
    waiting = [asyncio.create_task(answers.once(identity(), work)) for _ in range(100)]
    await eventually(work.has_begun)
    work.let_go.set()
    assert await asyncio.gather(*waiting) == [{"replayed": 3}] * 100
    assert work.begun == 1
    assert await answers.once(identity(), done(4)) == {"replayed": 3}


async def test_gateways_beside_each_other_do_it_once(pool: Pool) -> None:
    work, gateways = Work({"replayed": 3}), [Answers(pool, wait_seconds=20) for _ in range(3)]
    waiting = [asyncio.create_task(gateway.once(identity(), work)) for gateway in gateways for _ in range(30)]
    await eventually(work.has_begun)
    work.let_go.set()
    assert await asyncio.gather(*waiting) == [{"replayed": 3}] * 90
    assert work.begun == 1


async def test_whoever_cannot_wait_any_longer_is_told_to_come_again(pool: Pool) -> None:
    work, first, other = Work({"replayed": 3}), Answers(pool, wait_seconds=5), Answers(pool, wait_seconds=0.2)
    waiting = asyncio.create_task(first.once(identity(), work))
    await eventually(work.has_begun)
    with pytest.raises(StillRunning, match="still running"):
        await other.once(identity(), done())
    work.let_go.set()
    assert await waiting == await other.once(identity(), done()) == {"replayed": 3}


@pytest.mark.parametrize("same_process", [True, False])
async def test_a_key_stands_for_one_input(pool: Pool, same_process: bool) -> None:
    first = Answers(pool, wait_seconds=5)
    other = first if same_process else Answers(pool, wait_seconds=5)
    work = Work({"replayed": 3})
    waiting = asyncio.create_task(first.once(identity("this"), work))
    await eventually(work.has_begun)
    with pytest.raises(KeyReused):
        await other.once(identity("that"), done())
    work.let_go.set()
    await waiting
    with pytest.raises(KeyReused):
        await other.once(identity("that"), done())


async def test_without_a_key_it_is_done_each_time(pool: Pool) -> None:
    work, answers = done(), Answers(pool, wait_seconds=5)
    for _ in range(3):
        assert await answers.once(identity(key=None), work) == {"replayed": 1}
    assert work.begun == 3


async def test_what_a_dead_process_had_claimed_is_taken_over(pool: Pool) -> None:
    digest = identity().digest
    assert digest is not None
    key = Key(identity().message_id, digest)
    async with pool.connection() as connection:
        assert await repository.claim(connection, key, uuid4(), lease_seconds=0.5)  # by a process that then died
    assert await Answers(pool, wait_seconds=20).once(identity(), done()) == {"replayed": 1}


async def test_a_claim_holds_as_long_as_the_work_lasts(pool: Pool) -> None:
    work, first = Work({"replayed": 3}), Answers(pool, wait_seconds=5, lease_seconds=0.3)
    waiting = asyncio.create_task(first.once(identity(), work))
    await eventually(work.has_begun)
    other = done()
    with pytest.raises(StillRunning):  # it waited for several times the lease
        await Answers(pool, wait_seconds=1.5).once(identity(), other)
    assert other.begun == 0
    work.let_go.set()
    await waiting


async def test_what_failed_may_be_tried_again_with_its_key(pool: Pool) -> None:
    answers = Answers(pool, wait_seconds=5)
    refused = Work(BadChoice("none of that"))
    refused.let_go.set()
    outcomes = await asyncio.gather(*(answers.once(identity(), refused) for _ in range(10)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {BadChoice}
    assert refused.begun == 1
    assert await answers.once(identity("another input"), done()) == {"replayed": 1}


async def test_who_began_may_go_and_it_is_still_done(pool: Pool) -> None:
    work, answers = Work({"replayed": 3}), Answers(pool, wait_seconds=5)
    begun = asyncio.create_task(answers.once(identity(), work))
    await eventually(work.has_begun)
    begun.cancel()
    await asyncio.gather(begun, return_exceptions=True)
    waiting = asyncio.create_task(answers.once(identity(), done(9)))
    work.let_go.set()
    assert await waiting == {"replayed": 3}


async def test_without_a_database_nothing_is_done() -> None:
    nowhere, work = Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.5), done()
    with pytest.raises(DatabaseUnavailable):
        await Answers(nowhere, wait_seconds=1).once(identity(), work)
    assert work.begun == 0


async def test_dead_letters_are_replayed_once_for_a_key(pool: Pool) -> None:
    one, other = letter(), letter()
    journal: list[str] = []
    letters, audit = FakeDeadLetters(one, other, journal=journal), FakeAudit(journal)
    offices = [DeadLetterOffice(letters, audit, Answers(pool, wait_seconds=20)) for _ in range(2)]
    replays = [office.replay(ADMIN, QUEUE, None, key="k") for office in offices for _ in range(50)]
    assert await asyncio.gather(*replays) == [2] * 100
    assert journal == ["intend", "replay 2", "conclude REPLAYED"]
    with pytest.raises(KeyReused):
        await offices[0].replay(ADMIN, QUEUE, [one.id], key="k")
    assert await offices[0].replay(ADMIN, QUEUE, None, key="another") == 0
