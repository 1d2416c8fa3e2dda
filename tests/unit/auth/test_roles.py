import os
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from aiops_auth.service import FirstAdminRefused, SigningKeyMissing, ensure_first_admin, set_user_role
from aiops_auth.tokens import SigningKeyUnreadable
from aiops_contracts.auth import AuthReply, Role, SetUserRole, SigningKeyPublished, UserChanged, UserSnapshot
from unit.auth.harness import PASSWORD, ROOT, Auth, delivery, issuer

ADMIN_EMAIL, ADMIN_PASSWORD = "root@example.org", "the keys to the kingdom"


async def set_role(auth: Auth, user_id: UUID, role: Role, expected_version: int, changed_by: UUID = ROOT) -> AuthReply:
    request = SetUserRole(user_id=user_id, role=role, expected_version=expected_version, changed_by=changed_by)
    return await set_user_role(auth.means, delivery(request))


async def signed_up(auth: Auth, email: str = "ada@example.org") -> UserSnapshot:
    user = (await auth.sign_up(email)).reply.user
    assert user is not None
    return user


async def admin(auth: Auth) -> UserSnapshot:
    await ensure_first_admin(auth.means, ADMIN_EMAIL, ADMIN_PASSWORD)
    user = (await auth.log_in(ADMIN_EMAIL, ADMIN_PASSWORD)).reply.user
    assert user is not None
    return user


async def test_a_new_role_is_a_new_version_and_is_announced(auth: Auth) -> None:
    auth.add_admin()
    user = await signed_up(auth)
    auth.clock.forward(minutes=1)
    reply = await set_role(auth, user.id, Role.HR, 1)
    expected = user.model_copy(update={"role": Role.HR, "version": 2, "updated_at": auth.clock.now})
    assert reply == AuthReply(outcome="OK", user=expected)
    assert (UserChanged(user=expected), user.id) in auth.database.tables.outbox


async def test_the_same_role_again_changes_nothing(auth: Auth) -> None:
    auth.add_admin()
    user = await signed_up(auth)
    events = len(auth.database.tables.outbox)
    assert await set_role(auth, user.id, Role.VIEWER, 1) == AuthReply(outcome="OK", user=user)
    assert len(auth.database.tables.outbox) == events


async def test_an_older_version_is_a_conflict_that_shows_the_present_user(auth: Auth) -> None:
    auth.add_admin()
    user = await signed_up(auth)
    present = (await set_role(auth, user.id, Role.OPS, 1)).user
    reply = await set_role(auth, user.id, Role.HR, 1)
    assert (reply.outcome, reply.user) == ("VERSION_CONFLICT", present)


async def test_an_unknown_account_is_not_found(auth: Auth) -> None:
    auth.add_admin()
    assert (await set_role(auth, uuid4(), Role.OPS, 1)).outcome == "NOT_FOUND"


async def test_the_last_administrator_keeps_the_role_until_there_is_another(auth: Auth) -> None:
    root, ada = await admin(auth), await signed_up(auth)
    reply = await set_role(auth, root.id, Role.VIEWER, 1, root.id)
    assert (reply.outcome, reply.field, reply.user) == ("INVALID_INPUT", "role", root)
    assert "last administrator" in reply.message
    assert (await set_role(auth, ada.id, Role.ADMIN, 1, root.id)).outcome == "OK"
    assert (await set_role(auth, root.id, Role.VIEWER, 1, root.id)).outcome == "OK"


async def test_the_first_administrator_is_made_once_and_announced(auth: Auth) -> None:
    root = await admin(auth)
    assert (root.role, root.version) == (Role.ADMIN, 1)
    assert (UserChanged(user=root), root.id) in auth.database.tables.outbox
    await ensure_first_admin(auth.means, "second@example.org", "another long password")
    assert len(auth.database.tables.accounts) == 1


async def test_an_account_with_the_address_is_promoted_if_the_password_is_its_own(auth: Auth) -> None:
    user = await signed_up(auth)
    await ensure_first_admin(auth.means, "Ada@example.org", PASSWORD)
    present = (await auth.log_in()).reply.user
    assert present is not None
    assert (present.id, present.role, present.version) == (user.id, Role.ADMIN, 2)


async def test_whoever_signed_up_with_the_operators_address_does_not_become_administrator(auth: Auth) -> None:
    await signed_up(auth, ADMIN_EMAIL)
    with pytest.raises(FirstAdminRefused, match="AUTH_ADMIN_EMAIL"):
        await ensure_first_admin(auth.means, ADMIN_EMAIL, ADMIN_PASSWORD)
    assert {account.role for account in auth.database.tables.accounts.values()} == {"VIEWER"}


@pytest.mark.parametrize(
    ("email", "password", "setting"),
    [("nowhere", ADMIN_PASSWORD, "AUTH_ADMIN_EMAIL"), (ADMIN_EMAIL, "password12345", "AUTH_ADMIN_PASSWORD")],
)
async def test_a_first_administrator_that_breaks_a_rule_is_refused_by_setting(
    auth: Auth, email: str, password: str, setting: str
) -> None:
    with pytest.raises(FirstAdminRefused, match=setting) as refusal:
        await ensure_first_admin(auth.means, email, password)
    assert password not in str(refusal.value)


async def test_a_signing_key_is_made_once_and_announced(auth: Auth) -> None:
    await auth.keys.ensure()
    [key] = auth.database.tables.signing_keys
    [(event, subject)] = auth.database.tables.outbox
    assert isinstance(event, SigningKeyPublished)
    assert (event.key.kid, event.key.jwk, str(subject)) == (key.kid, key.jwk, key.kid)
    assert "d" not in event.key.jwk


async def test_another_master_key_is_noticed_at_the_start(auth: Auth) -> None:
    with pytest.raises(SigningKeyUnreadable):
        await replace(auth.keys, tokens=issuer(os.urandom(32))).ensure()


async def test_without_a_signing_key_nothing_is_kept_of_a_sign_up(auth: Auth) -> None:
    auth.database.tables.signing_keys.clear()
    with pytest.raises(SigningKeyMissing):
        await auth.sign_up()
    assert not auth.database.tables.accounts
