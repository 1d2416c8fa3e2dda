"""A decision that is repeated under its key gets the answer that it got first, whatever was decided meanwhile."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from aiops_common.messaging.requests import NoReply
from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, RemoveUser, Role, SetUserRole, UserRemoved
from aiops_contracts.base import JobState, Request
from aiops_contracts.triage import TicketSnapshot, TicketStatus, TicketStatusReply, UpdateTicketStatus
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.repository import accounts, read_model
from aiops_gateway.repository.read_model import TICKETS
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.credentials import Credentials
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import minute, ticket
from integration.gateway.test_identity_decisions import ADMIN, demotion, removal
from integration.gateway.test_viewers import put, user
from unit.gateway.sealing_auth import SealingAuth

SECRETS = ("ann@example.com", "a body that is long", "jane.doe@example.org", "Jane")


class Owner(SealingAuth):
    """Owns one ticket and one account; answers a request that it did with what it owns now, as owners do.

    ``lost`` is how many of the next answers do not arrive, though what they tell of was done.
    """

    def __init__(self) -> None:
        super().__init__(lambda _request, _form: {})
        done = {"version": 1, "state": JobState.SUCCEEDED, "reporter_email": "ann@example.com"}
        self.ticket = ticket("Title", "a body that is long").model_copy(update=done)
        self.user = user(Role.ADMIN)
        self.removed = False
        self.lost = 0
        self.asked = 0
        self._done: set[UUID | None] = set()

    def _answered(self, request: Request) -> dict[str, Any]:
        self.asked += 1
        repeated = self.ids[-1] in self._done
        reply = self._decided(request, repeated=repeated)
        self._done.add(self.ids[-1])
        if self.lost:
            self.lost -= 1
            raise NoReply("no answer within 1 s")
        return reply.model_dump(mode="json")

    def _decided(self, request: Request, *, repeated: bool) -> AuthReply | TicketStatusReply:
        match request:
            case UpdateTicketStatus():
                if not repeated and request.expected_version != self.ticket.version:
                    return TicketStatusReply(outcome="VERSION_CONFLICT", ticket=self.ticket)
                if not repeated:
                    self.move(request.status)
                return TicketStatusReply(outcome="UPDATED", ticket=self.ticket)
            case SetUserRole():
                if not repeated:
                    self.give(request.role)
                return AuthReply(outcome="OK", user=self.user)
            case RemoveUser():
                gone = self.removed and not repeated
                self.removed = True
                return AuthReply(outcome="NOT_FOUND", message="no such user") if gone else AuthReply(outcome="OK")
        raise AssertionError(request)

    def move(self, status: TicketStatus) -> None:
        version = self.ticket.version + 1
        changed = {"version": version, "status": status, "updated_at": minute(version)}
        self.ticket = self.ticket.model_copy(update=changed)

    def give(self, role: Role) -> None:
        version = self.user.version + 1
        self.user = self.user.model_copy(update={"version": version, "role": role, "updated_at": minute(version)})


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def gateways(pool: Pool, owner: Owner) -> list[Decisions]:
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [owner.ticket])
    await put(pool, users=(owner.user,))
    return [gateway(pool, owner) for _ in range(2)]


def gateway(pool: Pool, owner: SealingAuth) -> Decisions:
    viewers = Viewers(pool, TokenVerifier(issuer="aiops-auth", audience="aiops"))
    return Decisions(pool, owner, Credentials(owner), viewers, Answers(pool, wait_seconds=20))


def move(owner: Owner, status: TicketStatus = TicketStatus.IN_PROGRESS, version: int = 1) -> UpdateTicketStatus:
    return UpdateTicketStatus(
        ticket_id=owner.ticket.id, status=status, expected_version=version, changed_by=ADMIN.user_id
    )


async def kept(pool: Pool) -> str:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT k::text AS row FROM idempotency_keys AS k")
    return "\n".join(row["row"] for row in rows)


async def meanwhile(pool: Pool, snapshot: TicketSnapshot) -> None:
    async with pool.transaction() as connection:
        await read_model.project(connection, TICKETS, [snapshot])


@pytest.mark.parametrize("version", [1, 7])
async def test_a_move_is_answered_as_it_was_first_though_others_moved_on(
    pool: Pool, owner: Owner, gateways: list[Decisions], version: int
) -> None:
    first = await gateways[0].update_ticket_status(ADMIN, move(owner, version=version), "k")
    assert first.ticket == owner.ticket
    assert first.outcome == ("UPDATED" if version == 1 else "VERSION_CONFLICT")
    owner.move(TicketStatus.RESOLVED)
    await meanwhile(pool, owner.ticket)
    assert await gateways[1].update_ticket_status(ADMIN, move(owner, version=version), "k") == first
    assert await gateways[0].update_ticket_status(ADMIN, move(owner, version=version), "k") == first
    assert owner.asked == 1
    with pytest.raises(KeyReused):
        await gateways[1].update_ticket_status(ADMIN, move(owner, TicketStatus.CLOSED), "k")
    assert not [one for one in SECRETS if one in await kept(pool)]


async def test_a_hundred_moves_at_once_are_asked_for_once(owner: Owner, gateways: list[Decisions]) -> None:
    asked = (gateways[n % 2].update_ticket_status(ADMIN, move(owner), "k") for n in range(100))
    replies = await asyncio.gather(*asked)
    assert replies == [replies[0]] * 100
    assert (owner.asked, replies[0].ticket) == (1, owner.ticket)


async def test_an_answer_that_did_not_come_is_no_answer_and_its_key_stands_for_the_same(
    owner: Owner, gateways: list[Decisions]
) -> None:
    owner.lost = 1
    with pytest.raises(NoReply):
        await gateways[0].update_ticket_status(ADMIN, move(owner), "k")
    with pytest.raises(KeyReused):
        await gateways[1].update_ticket_status(ADMIN, move(owner, TicketStatus.CLOSED), "k")
    again = await gateways[1].update_ticket_status(ADMIN, move(owner), "k")
    assert (again.outcome, again.ticket, owner.ticket.version) == ("UPDATED", owner.ticket, 2)


async def test_a_role_is_answered_as_it_was_given(pool: Pool, owner: Owner, gateways: list[Decisions]) -> None:
    first = await gateways[0].set_user_role(ADMIN, demotion(owner.user.id), "k")
    assert first.user == owner.user
    owner.give(Role.OPS)
    await put(pool, users=(owner.user,))
    assert await gateways[1].set_user_role(ADMIN, demotion(owner.user.id), "k") == first
    assert owner.asked == 1
    stored = await kept(pool)
    assert owner.user.email not in stored
    assert owner.user.display_name not in stored


async def test_of_whoever_is_removed_meanwhile_no_repetition_tells(
    pool: Pool, owner: Owner, gateways: list[Decisions]
) -> None:
    first = await gateways[0].set_user_role(ADMIN, demotion(owner.user.id), "k")
    gone = UserRemoved(user_id=owner.user.id, version=9, removed_at=minute(9))
    async with pool.connection() as connection:
        await accounts.project_users(connection, [gone])
    again = await gateways[1].set_user_role(ADMIN, demotion(owner.user.id), "k")
    assert again == first.model_copy(update={"user": None})


async def test_a_removal_is_answered_as_it_was_first(owner: Owner, gateways: list[Decisions]) -> None:
    done = await gateways[0].remove_user(ADMIN, removal(owner.user.id), "k")
    refused = await gateways[0].remove_user(ADMIN, removal(owner.user.id), "another")
    assert (done.outcome, refused.outcome) == ("OK", "NOT_FOUND")
    assert await gateways[1].remove_user(ADMIN, removal(owner.user.id), "k") == done
    assert await gateways[1].remove_user(ADMIN, removal(owner.user.id), "another") == refused
    assert owner.asked == 2
