"""A decision that is repeated under its key gets the answer that it got first, whatever was decided meanwhile."""

from typing import Any
from uuid import UUID

import pytest

from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, RemoveUser, Role, SetUserRole, UserRemoved
from aiops_contracts.base import Request
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.repository import accounts
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.credentials import Credentials
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import minute
from integration.gateway.test_identity_decisions import ADMIN, demotion, removal
from integration.gateway.test_viewers import put, user
from unit.gateway.sealing_auth import SealingAuth


class Owner(SealingAuth):
    """Owns one account; answers a request that it did with what it owns now, as owners do."""

    def __init__(self) -> None:
        super().__init__(lambda _request, _form: {})
        self.user = user(Role.ADMIN)
        self.removed = False
        self.asked = 0
        self._done: set[UUID | None] = set()

    def _answered(self, request: Request) -> dict[str, Any]:
        self.asked += 1
        repeated = self.ids[-1] in self._done
        reply = self._decided(request, repeated=repeated)
        self._done.add(self.ids[-1])
        return reply.model_dump(mode="json")

    def _decided(self, request: Request, *, repeated: bool) -> AuthReply:
        match request:
            case SetUserRole():
                if not repeated:
                    self.give(request.role)
                return AuthReply(outcome="OK", user=self.user)
            case RemoveUser():
                gone = self.removed and not repeated
                self.removed = True
                return AuthReply(outcome="NOT_FOUND", message="no such user") if gone else AuthReply(outcome="OK")
        raise AssertionError(request)

    def give(self, role: Role) -> None:
        version = self.user.version + 1
        self.user = self.user.model_copy(update={"version": version, "role": role, "updated_at": minute(version)})


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def gateways(pool: Pool, owner: Owner) -> list[Decisions]:
    await put(pool, users=(owner.user,))
    return [gateway(pool, owner) for _ in range(2)]


def gateway(pool: Pool, owner: SealingAuth) -> Decisions:
    viewers = Viewers(pool, TokenVerifier(issuer="aiops-auth", audience="aiops"))
    return Decisions(pool, owner, Credentials(owner), viewers, Answers(pool, wait_seconds=20))


async def kept(pool: Pool) -> str:
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT k::text AS row FROM idempotency_keys AS k")
    return "\n".join(row["row"] for row in rows)


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
