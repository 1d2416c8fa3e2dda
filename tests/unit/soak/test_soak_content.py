"""The load's work: repeatable, varied, and such that the services take it."""

from collections import Counter

from aiops_contracts.base import Command
from aiops_contracts.changelog import GenerateChangelog
from aiops_contracts.summarizer import SummarizeLog
from aiops_contracts.triage import TriageTicket
from aiops_gateway.graphql.inputs import to_message
from soak.content import Job, JobKind, job

COUNT = 2000
MESSAGES: dict[JobKind, type[Command]] = {
    JobKind.TICKET: TriageTicket,
    JobKind.LOG: SummarizeLog,
    JobKind.CHANGELOG: GenerateChangelog,
}
_SNAKE = {"reporterEmail": "reporter_email"}


def jobs() -> list[Job]:
    return [job(3, number) for number in range(COUNT)]


def test_the_same_number_is_the_same_work() -> None:
    assert jobs() == jobs()
    assert job(3, 1) != job(4, 1)


def test_every_key_is_its_own() -> None:
    assert len({one.key for one in jobs()}) == COUNT


def test_most_of_it_is_tickets_and_every_kind_is_there() -> None:
    shares = Counter(one.kind for one in jobs())
    assert set(shares) == set(JobKind)
    assert COUNT * 0.6 < shares[JobKind.TICKET] < COUNT * 0.8


def test_all_of_it_is_valid() -> None:
    for one in jobs():
        values = {_SNAKE.get(name, name): value for name, value in one.values.items() if name != "idempotencyKey"}
        assert to_message(MESSAGES[one.kind], values) is not None


def test_work_differs() -> None:
    told = [str({name: value for name, value in one.values.items() if name != "idempotencyKey"}) for one in jobs()]
    assert len(set(told)) == COUNT
