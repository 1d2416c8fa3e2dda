import asyncio
from uuid import UUID, uuid4

from aiops_auth.service import ensure_first_admin, remove_user, set_user_role
from aiops_contracts.auth import AuthReply, RemoveUser, Role, SetUserRole, UserChanged, UserRemoved, UserSnapshot
from unit.auth.harness import ROOT, Auth, delivery, refresh_token_of

ADMIN_EMAIL, ADMIN_PASSWORD = "root@example.org", "the keys to the kingdom"
ADMIN = f"user:{ROOT}"


async def remove(
    auth: Auth, user_id: UUID, expected_version: int = 1, message_id: UUID | None = None, removed_by: UUID = ROOT
) -> AuthReply:
    request = RemoveUser(user_id=user_id, expected_version=expected_version, removed_by=removed_by)
    return await remove_user(auth.means, delivery(request, message_id, ADMIN))


async def signed_up(auth: Auth) -> UserSnapshot:
    auth.add_admin()
    user = (await auth.sign_up()).reply.user
    assert user is not None
    return user


async def test_a_removal_ends_account_and_sessions_and_is_announced(auth: Auth) -> None:
    auth.add_admin()
    made = await auth.sign_up()
    user = made.reply.user
    assert user is not None
    auth.clock.forward(minutes=1)
    assert await remove(auth, user.id) == AuthReply(outcome="OK")
    assert auth.database.tables.accounts.keys() == {ROOT}
    assert (UserRemoved(user_id=user.id, version=2, removed_at=auth.clock.now), user.id) in auth.database.tables.outbox
    assert (await auth.refresh(refresh_token_of(made))).outcome == "BAD_CREDENTIALS"
    assert (await auth.log_in()).outcome == "BAD_CREDENTIALS"


async def test_the_address_may_sign_up_again_as_somebody_else(auth: Auth) -> None:
    user = await signed_up(auth)
    await remove(auth, user.id)
    again = await signed_up(auth)
    assert (again.email, again.version) == (user.email, 1)
    assert again.id != user.id


async def test_an_older_version_is_a_conflict(auth: Auth) -> None:
    user = await signed_up(auth)
    reply = await remove(auth, user.id, expected_version=2)
    assert (reply.outcome, reply.user) == ("VERSION_CONFLICT", user)
    assert user.id in auth.database.tables.accounts


async def test_nobody_is_not_found(auth: Auth) -> None:
    auth.add_admin()
    assert (await remove(auth, uuid4())).outcome == "NOT_FOUND"


async def test_the_last_administrator_stays_until_there_is_another(auth: Auth) -> None:
    await ensure_first_admin(auth.means, ADMIN_EMAIL, ADMIN_PASSWORD)
    [root] = auth.database.tables.accounts.values()
    reply = await remove(auth, root.id, removed_by=root.id)
    assert (reply.outcome, reply.field) == ("INVALID_INPUT", "user_id")
    assert "last administrator" in reply.message
    ada = (await auth.sign_up()).reply.user
    assert ada is not None
    request = SetUserRole(user_id=ada.id, role=Role.ADMIN, expected_version=1, changed_by=root.id)
    assert (await set_user_role(auth.means, delivery(request))).outcome == "OK"
    assert (await remove(auth, root.id, removed_by=root.id)).outcome == "OK", "of two, one may go by itself"


async def test_a_hundred_equal_removals_at_once_get_equal_answers(auth: Auth) -> None:
    user, message_id = await signed_up(auth), uuid4()
    replies = await asyncio.gather(*(remove(auth, user.id, message_id=message_id) for _ in range(100)))
    assert replies == [AuthReply(outcome="OK")] * 100
    assert sum(isinstance(event, UserRemoved) for event, _ in auth.database.tables.outbox) == 1


async def test_a_hundred_equal_changes_of_a_role_at_once_are_one_step_and_get_equal_answers(auth: Auth) -> None:
    user, message_id = await signed_up(auth), uuid4()
    request = SetUserRole(user_id=user.id, role=Role.OPS, expected_version=1, changed_by=ROOT)
    replies = await asyncio.gather(
        *(set_user_role(auth.means, delivery(request, message_id, ADMIN)) for _ in range(100))
    )
    assert replies == [replies[0]] * 100
    assert replies[0].user is not None
    assert (replies[0].outcome, replies[0].user.version, replies[0].user.role) == ("OK", 2, "OPS")
    assert sum(isinstance(event, UserChanged) for event, _ in auth.database.tables.outbox) == 2


async def test_the_same_id_with_another_content_is_refused(auth: Auth) -> None:
    user, message_id = await signed_up(auth), uuid4()
    ops = SetUserRole(user_id=user.id, role=Role.OPS, expected_version=1, changed_by=ROOT, address="192.0.2.7")
    assert (await set_user_role(auth.means, delivery(ops, message_id))).outcome == "OK"
    moved = ops.model_copy(update={"address": "192.0.2.8"})
    assert (await set_user_role(auth.means, delivery(moved, message_id))).outcome == "OK", "the same from elsewhere"
    hr = ops.model_copy(update={"role": Role.HR, "expected_version": 2})
    reply = await set_user_role(auth.means, delivery(hr, message_id))
    assert (reply.outcome, reply.field, reply.user) == ("INVALID_INPUT", "idempotency_key", None)
    assert (await remove(auth, user.id, 2, message_id)).outcome == "INVALID_INPUT"
    assert auth.database.tables.accounts[user.id].role.value == "OPS"


async def test_a_refusal_may_be_tried_again_under_its_id(auth: Auth) -> None:
    user, message_id = await signed_up(auth), uuid4()
    assert (await remove(auth, user.id, 2, message_id)).outcome == "VERSION_CONFLICT"
    assert (await remove(auth, user.id, 1, message_id)).outcome == "OK"


async def test_a_role_that_was_given_to_somebody_who_is_gone_is_not_given_again(auth: Auth) -> None:
    user, message_id = await signed_up(auth), uuid4()
    request = SetUserRole(user_id=user.id, role=Role.OPS, expected_version=1, changed_by=ROOT)
    assert (await set_user_role(auth.means, delivery(request, message_id))).outcome == "OK"
    assert (await remove(auth, user.id, 2)).outcome == "OK"
    assert (await set_user_role(auth.means, delivery(request, message_id))).outcome == "NOT_FOUND"
