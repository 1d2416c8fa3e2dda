"""The sum: nothing that was accepted may be missing or there twice without a line that says so."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from soak.balance import Balance, balance, latencies
from soak.content import Job, JobKind
from soak.found import DeadLetter, Entity, Found, FoundKind
from soak.ledger import Ledger

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
ONE, TWO, OTHER = UUID(int=1), UUID(int=2), UUID(int=9)
LISTS = ("failed", "dead_lettered", "pending", "lost", "duplicates", "differs", "contradictions", "unanswered")


def handed_in(ledger: Ledger, kind: JobKind, key: str, identity: UUID | None) -> None:
    work = Job(kind, {"idempotencyKey": key})
    ledger.ask(work)
    if identity is not None:
        ledger.accept(work, identity)


@pytest.fixture
def ledger() -> Ledger:
    """A ticket that was moved once, and a log."""
    made = Ledger()
    handed_in(made, JobKind.TICKET, "a", ONE)
    handed_in(made, JobKind.LOG, "b", TWO)
    made.accepted["a"].moved_to = (2, "IN_PROGRESS")
    return made


@pytest.fixture
def found() -> Found:
    """What a correct system made of it."""
    ticket, log = Entity(2, "SUCCEEDED", "IN_PROGRESS"), Entity(1, "SUCCEEDED")
    kinds = {kind: FoundKind() for kind in JobKind}
    kinds[JobKind.TICKET] = FoundKind(
        {ONE: ticket}, {ONE: ticket}, {ONE: AT}, {ONE: [AT + timedelta(seconds=3)]}, {}, {ONE: 1}, {ONE}
    )
    kinds[JobKind.LOG] = FoundKind({TWO: log}, {TWO: log}, {TWO: AT}, {TWO: [AT + timedelta(seconds=1)]}, {}, {}, {TWO})
    return Found(kinds)


def parts_of(made: Balance) -> int:
    return made.completed + sum(map(len, (made.failed, made.dead_lettered, made.pending, made.lost)))


def test_what_was_done_once_passes(ledger: Ledger, found: Found) -> None:
    made = balance(ledger, found)
    assert made.passed
    assert (made.accepted, made.completed) == (2, 2)


def test_a_run_that_accepted_nothing_does_not_pass() -> None:
    assert not balance(Ledger(), Found({kind: FoundKind() for kind in JobKind})).passed


def missing(found: Found) -> None:
    del found.kinds[JobKind.LOG].entities[TWO]
    del found.kinds[JobKind.LOG].projected[TWO]


def waits_for_nothing(found: Found) -> None:
    missing(found)
    found.waiting["gateway.log_entries PENDING"] = 1


def never_told(found: Found) -> None:
    found.kinds[JobKind.LOG].results.clear()


def not_in_the_inbox(found: Found) -> None:
    found.kinds[JobKind.LOG].inbox.clear()


def move_undone(found: Found) -> None:
    for rows in (found.kinds[JobKind.TICKET].entities, found.kinds[JobKind.TICKET].projected):
        rows[ONE] = Entity(1, "SUCCEEDED", "OPEN")
    found.kinds[JobKind.TICKET].moves.clear()


def move_never_told(found: Found) -> None:
    found.kinds[JobKind.TICKET].moves.clear()


def told_twice(found: Found) -> None:
    found.kinds[JobKind.LOG].results[TWO] *= 2


def moved_twice(found: Found) -> None:
    for rows in (found.kinds[JobKind.TICKET].entities, found.kinds[JobKind.TICKET].projected):
        rows[ONE] = Entity(3, "SUCCEEDED", "IN_PROGRESS")
    found.kinds[JobKind.TICKET].moves[ONE] = 2


def move_told_twice(found: Found) -> None:
    found.kinds[JobKind.TICKET].moves[ONE] = 2


def nobody_asked(found: Found) -> None:
    found.kinds[JobKind.CHANGELOG].entities[OTHER] = Entity(1, "SUCCEEDED")


def stale(found: Found) -> None:
    found.kinds[JobKind.TICKET].projected[ONE] = Entity(1, "SUCCEEDED", "OPEN")


def not_readable(found: Found) -> None:
    found.kinds[JobKind.TICKET].projected.clear()


def failed(found: Found) -> None:
    for rows in (found.kinds[JobKind.LOG].entities, found.kinds[JobKind.LOG].projected):
        rows[TWO] = Entity(1, "FAILED")


def dead(found: Found) -> None:
    missing(found)
    found.dead.append(DeadLetter("summarizer.dead", str(TWO), "attempts_spent"))


def on_its_way(found: Found) -> None:
    missing(found)
    found.waiting["summarizer.retry.10m"] = 1


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (missing, "lost"),
        (waits_for_nothing, "lost"),
        (never_told, "lost"),
        (not_in_the_inbox, "lost"),
        (move_undone, "lost"),
        (move_never_told, "lost"),
        (told_twice, "duplicates"),
        (moved_twice, "duplicates"),
        (move_told_twice, "duplicates"),
        (nobody_asked, "duplicates"),
        (stale, "differs"),
        (not_readable, "differs"),
        (failed, "failed"),
        (dead, "dead_lettered"),
        (on_its_way, "pending"),
    ],
)
def test_what_went_wrong_is_named_and_does_not_pass(
    ledger: Ledger, found: Found, spoil: Callable[[Found], None], where: str
) -> None:
    spoil(found)
    made = balance(ledger, found)
    assert not made.passed
    named = {name: told for name in LISTS if (told := getattr(made, name))}
    assert {name: len(told) for name, told in named.items()} == {where: 1}
    assert any(str(identity) in named[where][0] for identity in (ONE, TWO, OTHER))


@pytest.mark.parametrize("spoil", [missing, failed, dead, on_its_way])
def test_the_sum_adds_up(ledger: Ledger, found: Found, spoil: Callable[[Found], None]) -> None:
    spoil(found)
    made = balance(ledger, found)
    assert made.accepted == parts_of(made) == 2


def test_a_dead_letter_of_work_that_was_done_does_not_pass(ledger: Ledger, found: Found) -> None:
    found.dead.append(DeadLetter("triage.dead", str(ONE), "delivery_limit"))
    made = balance(ledger, found)
    assert (made.completed, made.dead_lettered, made.passed) == (2, [], False)


def test_one_key_with_two_ids_is_a_contradiction(ledger: Ledger, found: Found) -> None:
    handed_in(ledger, JobKind.TICKET, "a", OTHER)
    made = balance(ledger, found)
    assert not made.passed
    assert str(ONE) in made.contradictions[0]
    assert str(OTHER) in made.contradictions[0]


def test_one_id_for_two_keys_is_a_contradiction(ledger: Ledger, found: Found) -> None:
    handed_in(ledger, JobKind.TICKET, "c", ONE)
    assert "c" in balance(ledger, found).contradictions[0]


def test_the_same_answer_to_a_repeated_key_is_fine(ledger: Ledger, found: Found) -> None:
    handed_in(ledger, JobKind.TICKET, "a", ONE)
    assert balance(ledger, found).passed


def test_work_without_an_answer_may_have_been_done_but_does_not_pass(ledger: Ledger, found: Found) -> None:
    handed_in(ledger, JobKind.CHANGELOG, "d", None)
    ledger.give_up("d")
    nobody_asked(found)
    made = balance(ledger, found)
    assert (made.duplicates, made.unanswered, made.passed) == ([], ["d"], False)


def test_latency_is_from_the_command_to_the_result_and_to_who_reads_it(ledger: Ledger, found: Found) -> None:
    found.kinds[JobKind.LOG].readable[TWO] = AT + timedelta(seconds=5)
    measured = latencies(ledger, found)
    assert {name: (one.count, one.worst) for name, one in measured.items() if one.count} == {
        "accepted → done: ticket": (1, 3),
        "accepted → done: log": (1, 1),
        "accepted → readable": (1, 5),
    }
