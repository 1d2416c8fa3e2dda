"""Whoever changes accounts must be administrator at that moment, and not only when the gateway looked."""

from uuid import UUID, uuid4

from aiops_auth.service import remove_user, set_user_role
from aiops_contracts.auth import AuthReply, RemoveUser, Role, SetUserRole
from unit.auth.harness import ROOT, Auth, delivery

SECOND = UUID(int=8)
REFUSED = AuthReply(outcome="FORBIDDEN", message="This needs the role ADMIN, which you do not have any more.")


async def signed_up(auth: Auth) -> UUID:
    user = (await auth.sign_up()).reply.user
    assert user is not None
    return user.id


async def set_role(
    auth: Auth, user_id: UUID, role: Role, by: UUID, version: int = 1, message_id: UUID | None = None
) -> AuthReply:
    request = SetUserRole(user_id=user_id, role=role, expected_version=version, changed_by=by)
    return await set_user_role(auth.means, delivery(request, message_id))


async def remove(auth: Auth, user_id: UUID, by: UUID, message_id: UUID | None = None) -> AuthReply:
    request = RemoveUser(user_id=user_id, expected_version=1, removed_by=by)
    return await remove_user(auth.means, delivery(request, message_id))


async def test_nobody_but_an_administrator_changes_accounts(auth: Auth) -> None:
    auth.add_admin()
    viewer = await signed_up(auth)
    for somebody in (viewer, uuid4()):
        assert await set_role(auth, viewer, Role.ADMIN, somebody) == REFUSED
        assert await remove(auth, ROOT, somebody) == REFUSED
        assert await remove(auth, uuid4(), somebody) == REFUSED, "and is not told whom there is"
    assert {account.version for account in auth.database.tables.accounts.values()} == {1}


async def test_a_demoted_administrator_demotes_nobody(auth: Auth) -> None:
    auth.add_admin()
    auth.add_admin(SECOND)
    assert (await set_role(auth, SECOND, Role.VIEWER, ROOT)).outcome == "OK"
    assert await set_role(auth, ROOT, Role.VIEWER, SECOND) == REFUSED
    assert await remove(auth, ROOT, SECOND) == REFUSED


async def test_an_administrator_who_leaves_gets_the_same_answer_to_the_same_message(auth: Auth) -> None:
    auth.add_admin()
    auth.add_admin(SECOND)
    demotion, removal = uuid4(), uuid4()
    first = await set_role(auth, SECOND, Role.OPS, SECOND, message_id=demotion)
    assert first.outcome == "OK"
    assert await set_role(auth, SECOND, Role.OPS, SECOND, message_id=demotion) == first
    auth.add_admin(UUID(int=9))
    assert (await remove(auth, ROOT, ROOT, removal)).outcome == "OK"
    assert (await remove(auth, ROOT, ROOT, removal)).outcome == "OK"
