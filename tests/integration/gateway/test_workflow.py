"""What is decided about tickets and changelogs: asked once for a key, redacted, on record, and in the read model."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import BaseModel
from typing_extensions import override

from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_contracts.base import JobState, Request
from aiops_contracts.changelog import (
    ChangelogEntry,
    ChangelogReply,
    ChangelogSection,
    ChangelogStatus,
    ChangeSection,
    EditChangelog,
    EntryEdit,
    UpdateChangelogStatus,
)
from aiops_contracts.triage import (
    CorrectTriage,
    SimilarTicket,
    TicketCategory,
    TicketStatus,
    TicketStatusReply,
    TriageCorrectionReply,
    UpdateTicketStatus,
)
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.repository import read_model
from aiops_gateway.repository.read_model import CHANGELOGS, TICKETS
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.workflow import Workflow
from integration.gateway.conftest import changelog, minute, ticket, triage

A = TypeVar("A", bound=BaseModel)
OPS = Viewer(uuid4(), Role.OPS)
PERSONAL = ("ann@example.com", "a body that is long", "the printer of Ann")
ADDRESS = "192.0.2.7"


class Owner(Requester):
    """Owns one ticket and one changelog; answers a request that it did with what it owns now, as owners do.

    ``lost`` is how many of the next answers do not arrive, though what they tell of was done; ``refuses`` is what is
    said of all that is wanted of the changelog.
    """

    def __init__(self) -> None:
        super().__init__("amqp://gateway@localhost/", name="test")
        similar = SimilarTicket(ticket_id=uuid4(), title="the printer of Ann", score=0.9)
        done = {"version": 1, "state": JobState.SUCCEEDED, "reporter_email": "ann@example.com"}
        decided = triage().model_copy(update={"similar": (similar,)})
        self.ticket = ticket("Title", "a body that is long", triage=decided).model_copy(update=done)
        entries = (ChangelogEntry(id="e1", text="Paging"),)
        sections = (ChangelogSection(section=ChangeSection.ADDED, entries=entries),)
        generated = {"version": 1, "state": JobState.SUCCEEDED, "sections": sections}
        self.changelog = changelog("shop").model_copy(update=generated)
        self.asked: list[tuple[str, Any, str]] = []
        self.replied: list[BaseModel] = []
        self.lost = 0
        self.loss: Exception = NoReply("no answer within 1 s")
        self.refuses: str | None = None
        self._done: set[UUID | None] = set()

    @override
    async def ask(
        self, owner: str, request: Request, answer: type[A], *, principal: str, message_id: UUID | None = None
    ) -> A:
        self.asked.append((owner, type(request).model_validate_json(request.model_dump_json()), principal))
        reply = self._decided(request, repeated=message_id in self._done)
        self._done.add(message_id)
        await asyncio.sleep(0)
        if self.lost:
            self.lost -= 1
            raise self.loss
        told = answer.model_validate(orjson.loads(orjson.dumps(reply.model_dump(mode="json"))))
        self.replied.append(told)
        return told

    def _decided(self, request: Any, *, repeated: bool) -> BaseModel:
        of_ticket = isinstance(request, UpdateTicketStatus | CorrectTriage)
        if self.refuses and not of_ticket:
            return ChangelogReply.model_validate({"outcome": self.refuses, "changelog": self.changelog})
        version = (self.ticket if of_ticket else self.changelog).version
        conflict = not repeated and request.expected_version != version
        if not conflict and not repeated:
            self._do(request)
        outcome = "VERSION_CONFLICT" if conflict else "UPDATED"
        if isinstance(request, CorrectTriage):
            return TriageCorrectionReply(outcome=outcome, ticket=self.ticket)
        if isinstance(request, UpdateTicketStatus):
            return TicketStatusReply(outcome=outcome, ticket=self.ticket)
        return ChangelogReply(outcome=outcome, changelog=self.changelog)

    def _do(self, request: Any) -> None:
        match request:
            case UpdateTicketStatus():
                self.change_ticket(status=request.status)
            case CorrectTriage():
                corrected = {"category": request.category, "corrected_by": request.corrected_by}
                decided = self.ticket.triage
                assert decided is not None
                self.change_ticket(triage=decided.model_copy(update=corrected))
            case EditChangelog():
                self.change_changelog(release=request.release)
            case UpdateChangelogStatus():
                self.change_changelog(status=request.status)

    def change_ticket(self, **changes: object) -> None:
        version = self.ticket.version + 1
        self.ticket = self.ticket.model_copy(update={"version": version, "updated_at": minute(version), **changes})

    def change_changelog(self, **changes: object) -> None:
        version = self.changelog.version + 1
        update = {"version": version, "updated_at": minute(version), **changes}
        self.changelog = self.changelog.model_copy(update=update)


class Unwritable(Pool):
    """A database that fails when an answer is to be projected."""

    @override
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        raise DatabaseUnavailable("the connection was lost")
        yield


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def gateways(pool: Pool, owner: Owner) -> list[Workflow]:
    await put(pool, owner)
    return [Workflow(pool, owner, Answers(pool, wait_seconds=20), Audit(pool)) for _ in range(2)]


async def put(pool: Pool, owner: Owner) -> None:
    """What the owner has now, as its events would tell it."""
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [owner.ticket])
        await read_model.project(connection, CHANGELOGS, [owner.changelog])


def move(owner: Owner, status: TicketStatus = TicketStatus.IN_PROGRESS, version: int = 1) -> UpdateTicketStatus:
    return UpdateTicketStatus(
        ticket_id=owner.ticket.id, status=status, expected_version=version, changed_by=OPS.user_id
    )


def correction(owner: Owner, version: int = 1, comment: str | None = None) -> CorrectTriage:
    return CorrectTriage(
        ticket_id=owner.ticket.id, expected_version=version, category=TicketCategory.HR, comment=comment,
        corrected_by=OPS.user_id,
    )  # fmt: skip


def edit(owner: Owner, release: str = "2.0", version: int = 1, text: str = "Paging of lists") -> EditChangelog:
    return EditChangelog(
        changelog_id=owner.changelog.id, expected_version=version, release=release, edited_by=OPS.user_id,
        entries=(EntryEdit(entry_id="e1", text=text),),
    )  # fmt: skip


def approval(owner: Owner, version: int = 1) -> UpdateChangelogStatus:
    return UpdateChangelogStatus(
        changelog_id=owner.changelog.id, expected_version=version, status=ChangelogStatus.APPROVED,
        changed_by=OPS.user_id,
    )  # fmt: skip


async def rows(pool: Pool, table: str) -> str:
    async with pool.connection() as connection:
        return "\n".join(row["row"] for row in await connection.fetch(f"SELECT t::text AS row FROM {table} AS t"))


async def recorded(pool: Pool) -> list[tuple[str, str, UUID | None, str | None]]:
    async with pool.connection() as connection:
        found = await connection.fetch("SELECT action, outcome, subject, address FROM audit_log ORDER BY at, id")
    return [tuple(row) for row in found]


@pytest.mark.parametrize("version", [1, 7])
async def test_a_move_is_answered_as_it_was_first_though_others_moved_on(
    pool: Pool, owner: Owner, gateways: list[Workflow], version: int
) -> None:
    first = await gateways[0].update_ticket_status(OPS, move(owner, version=version), "k")
    assert first.ticket == owner.ticket
    assert first.outcome == ("UPDATED" if version == 1 else "VERSION_CONFLICT")
    owner.change_ticket(status=TicketStatus.RESOLVED)
    await put(pool, owner)
    for gateway in gateways:
        assert await gateway.update_ticket_status(OPS, move(owner, version=version), "k") == first
    assert len(owner.asked) == 1
    with pytest.raises(KeyReused):
        await gateways[1].update_ticket_status(OPS, move(owner, TicketStatus.CLOSED), "k")
    assert not [one for one in PERSONAL if one in await rows(pool, "idempotency_keys")]


async def test_a_correction_is_answered_as_it_was_first_and_nothing_personal_is_kept_with_its_key(
    pool: Pool, owner: Owner, gateways: list[Workflow]
) -> None:
    first = await gateways[0].correct_triage(OPS, correction(owner), "k", ADDRESS)
    assert (first.outcome, first.ticket) == ("UPDATED", owner.ticket)
    owner.change_ticket(status=TicketStatus.CLOSED)
    await put(pool, owner)
    assert await gateways[1].correct_triage(OPS, correction(owner), "k", ADDRESS) == first
    assert len(owner.asked) == 1
    with pytest.raises(KeyReused):
        await gateways[1].correct_triage(OPS, correction(owner, comment="another"), "k", ADDRESS)
    assert not [one for one in PERSONAL if one in await rows(pool, "idempotency_keys")]
    assert await recorded(pool) == [("correctTriage", "OK", owner.ticket.id, ADDRESS)]


async def test_an_edit_is_answered_as_it_was_first_though_others_edited_on(
    pool: Pool, owner: Owner, gateways: list[Workflow]
) -> None:
    first = await gateways[0].edit_changelog(OPS, edit(owner), "k", ADDRESS)
    assert (first.outcome, first.changelog) == ("UPDATED", owner.changelog)
    owner.change_changelog(release="3.0")
    await put(pool, owner)
    assert await gateways[1].edit_changelog(OPS, edit(owner), "k", ADDRESS) == first
    with pytest.raises(KeyReused):
        await gateways[1].edit_changelog(OPS, edit(owner, "2.1"), "k", ADDRESS)
    assert len(owner.asked) == 1


async def test_one_key_may_stand_for_an_approval_and_for_a_publication(owner: Owner, gateways: list[Workflow]) -> None:
    approved = await gateways[0].update_changelog_status(OPS, "approveChangelog", approval(owner), "k", ADDRESS)
    published = approval(owner, 2).model_copy(update={"status": ChangelogStatus.PUBLISHED})
    then = await gateways[0].update_changelog_status(OPS, "publishChangelog", published, "k", ADDRESS)
    assert approved.changelog is not None
    assert then.changelog is not None
    assert (approved.changelog.status, then.changelog.status) == (ChangelogStatus.APPROVED, ChangelogStatus.PUBLISHED)


Decide = Callable[[Workflow, Owner], Any]
EVERY: dict[str, Decide] = {
    "move": lambda gateway, owner: gateway.update_ticket_status(OPS, move(owner), "k"),
    "correction": lambda gateway, owner: gateway.correct_triage(OPS, correction(owner), "k", ADDRESS),
    "edit": lambda gateway, owner: gateway.edit_changelog(OPS, edit(owner), "k", ADDRESS),
    "approval": lambda gateway, owner: gateway.update_changelog_status(
        OPS, "approveChangelog", approval(owner), "k", ADDRESS
    ),
}


@pytest.mark.parametrize("decide", EVERY.values(), ids=EVERY)
async def test_a_hundred_equal_ones_at_once_are_asked_for_once(
    owner: Owner, gateways: list[Workflow], decide: Decide
) -> None:
    replies = await asyncio.gather(*(decide(gateways[number % 2], owner) for number in range(100)))
    assert replies == [replies[0]] * 100
    assert (len(owner.asked), replies[0].outcome) == (1, "UPDATED")


@pytest.mark.parametrize("decide", EVERY.values(), ids=EVERY)
async def test_an_answer_that_did_not_come_is_no_answer_and_its_key_stands_for_the_same(
    owner: Owner, gateways: list[Workflow], decide: Decide
) -> None:
    owner.lost = 1
    with pytest.raises(NoReply):
        await decide(gateways[0], owner)
    again = await decide(gateways[1], owner)
    versions = {owner.ticket.version, owner.changelog.version}
    assert (again.outcome, versions) == ("UPDATED", {1, 2})


@pytest.mark.parametrize("decide", EVERY.values(), ids=EVERY)
async def test_what_is_answered_is_read_at_once(
    pool: Pool, owner: Owner, gateways: list[Workflow], decide: Decide
) -> None:
    await decide(gateways[0], owner)
    async with pool.connection() as connection:
        assert await read_model.get(connection, TICKETS, owner.ticket.id) == owner.ticket
        assert await read_model.get(connection, CHANGELOGS, owner.changelog.id) == owner.changelog


async def test_what_people_write_is_redacted_before_it_is_sent(owner: Owner, gateways: list[Workflow]) -> None:
    said = "ask bob@example.com"
    await gateways[0].correct_triage(OPS, correction(owner, comment=said), None, ADDRESS)
    notes = edit(owner, text=said).model_copy(update={"summary": said})
    await gateways[0].edit_changelog(OPS, notes, None, ADDRESS)
    (_, corrected, principal), (_, edited, _) = owner.asked
    assert corrected.comment == edited.summary == edited.entries[0].text == "ask <EMAIL_1>"
    assert (edited.entries[0].entry_id, edited.release, principal) == ("e1", "2.0", OPS.principal)


async def test_each_attempt_is_on_record_with_what_came_of_it(
    pool: Pool, owner: Owner, gateways: list[Workflow]
) -> None:
    await gateways[0].edit_changelog(OPS, edit(owner, version=7), None, ADDRESS)
    await gateways[0].update_changelog_status(OPS, "approveChangelog", approval(owner), None, ADDRESS)
    owner.lost = 1
    with pytest.raises(NoReply):
        await gateways[0].correct_triage(OPS, correction(owner), None, ADDRESS)
    assert await recorded(pool) == [
        ("editChangelog", "VERSION_CONFLICT", owner.changelog.id, ADDRESS),
        ("approveChangelog", "OK", owner.changelog.id, ADDRESS),
        ("correctTriage", "UNAVAILABLE", owner.ticket.id, ADDRESS),
    ]


@pytest.mark.parametrize("decide", [EVERY[name] for name in ("correction", "edit", "approval")])
async def test_what_was_done_is_on_record_as_done_though_it_cannot_be_projected(
    pool: Pool, owner: Owner, gateways: list[Workflow], decide: Decide
) -> None:
    answers = Answers(pool, wait_seconds=20)
    gateway = Workflow(Unwritable("postgresql://nobody@127.0.0.1:1/none"), owner, answers, Audit(pool))
    with pytest.raises(DatabaseUnavailable, match="connection was lost"):
        await decide(gateway, owner)
    async with pool.connection() as connection:
        (record,) = await connection.fetch("SELECT outcome, details FROM audit_log")
    assert (record["outcome"], orjson.loads(record["details"])) == ("OK", {"expected_version": 1, "version": 2})
    assert (await decide(gateways[0], owner)).outcome == "UPDATED"


async def test_what_ended_without_an_answer_is_on_record_as_unknown(
    pool: Pool, owner: Owner, gateways: list[Workflow]
) -> None:
    owner.lost, owner.loss = 1, RuntimeError("the answer made no sense")
    with pytest.raises(RuntimeError):
        await gateways[0].correct_triage(OPS, correction(owner), None, ADDRESS)
    assert await recorded(pool) == [("correctTriage", "UNKNOWN", owner.ticket.id, ADDRESS)]


@pytest.mark.parametrize("outcome", ["NOT_READY", "NOT_A_DRAFT", "UNKNOWN_ENTRY", "TOO_LARGE", "INVALID_TRANSITION"])
async def test_a_refusal_is_repeated_and_no_changelog_is_kept_for_it(
    pool: Pool, owner: Owner, gateways: list[Workflow], outcome: str
) -> None:
    owner.refuses = outcome
    first = await gateways[0].edit_changelog(OPS, edit(owner), "k", ADDRESS)
    assert (first.outcome, first.changelog) == (outcome, owner.changelog)
    assert await gateways[1].edit_changelog(OPS, edit(owner), "k", ADDRESS) == first
    assert "Paging" not in await rows(pool, "idempotency_keys")
    owner.change_changelog(release="3.0")
    await put(pool, owner)
    # What the refusal was about is not there any more, and another version is no answer to what was asked.
    then = await gateways[1].edit_changelog(OPS, edit(owner), "k", ADDRESS)
    assert (then.outcome, then.changelog, len(owner.asked)) == (outcome, None, 1)


async def test_without_a_key_the_owners_reply_is_handed_on_as_it_is(owner: Owner, gateways: list[Workflow]) -> None:
    replies = [
        await gateways[0].edit_changelog(OPS, edit(owner), None, ADDRESS),
        await gateways[0].update_changelog_status(OPS, "approveChangelog", approval(owner, 2), None, ADDRESS),
    ]
    assert [reply is told for reply, told in zip(replies, owner.replied, strict=True)] == [True, True]


async def test_a_repetition_waits_for_a_ticket_that_the_read_model_lost(
    pool: Pool, owner: Owner, gateways: list[Workflow]
) -> None:
    await gateways[0].correct_triage(OPS, correction(owner), "k", ADDRESS)
    async with pool.connection() as connection:
        await connection.execute("TRUNCATE tickets")
    with pytest.raises(DatabaseUnavailable, match="repeat it with the same key"):
        await gateways[1].correct_triage(OPS, correction(owner), "k", ADDRESS)
