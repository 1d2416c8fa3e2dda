"""What the audit log says, and what it never says."""

from uuid import UUID

from aiops_auth.domain import SecurityEvent
from aiops_auth.service import ensure_first_admin, remove_user, set_user_role
from aiops_contracts.auth import RemoveUser, Role, SecurityEventRecorded, SetUserRole
from unit.auth.harness import ADDRESS, PASSWORD, ROOT, Auth, delivery, refresh_token_of

ADMIN = f"user:{ROOT}"


def last(auth: Auth) -> SecurityEvent:
    return auth.database.tables.security_events[-1]


async def user_id(auth: Auth) -> UUID:
    user = (await auth.sign_up()).reply.user
    assert user is not None
    return user.id


async def test_each_step_of_a_session_is_recorded(auth: Auth) -> None:
    token = refresh_token_of(await auth.sign_up())
    await auth.log_in()
    await auth.log_in(password="a wrong long sentence")
    child = refresh_token_of(await auth.refresh(token))
    auth.clock.forward(seconds=1)
    await auth.refresh(token)
    await auth.refresh(child)
    await auth.log_out(refresh_token_of(await auth.log_in()))
    assert auth.recorded() == [
        ("account.signed_up", "OK"),
        ("session.logged_in", "OK"),
        ("session.logged_in", "BAD_CREDENTIALS"),
        ("session.refresh_reused", "REUSED"),
        ("session.refresh_refused", "REVOKED"),
        ("session.logged_in", "OK"),
        ("session.logged_out", "OK"),
    ]
    [account_id] = auth.database.tables.accounts
    assert {event.subject for event in auth.database.tables.security_events} == {account_id}
    assert {event.address for event in auth.database.tables.security_events} == {ADDRESS}
    actors = [event.actor for event in auth.database.tables.security_events]
    assert actors == [f"user:{account_id}"] * 2 + ["anonymous"] * 3 + [f"user:{account_id}"] * 2


async def test_an_unknown_address_has_no_subject_and_is_locked_for_the_record_too(auth: Auth) -> None:
    for _ in range(6):
        await auth.log_in("nobody@example.org", "a wrong long sentence")
    events = auth.database.tables.security_events
    assert auth.recorded() == [("session.logged_in", "BAD_CREDENTIALS")] * 5 + [("session.logged_in", "ACCOUNT_LOCKED")]
    assert {event.subject for event in events} == {None}
    assert [event.details for event in events[3:]] == [{"failures": 4}, {"failures": 5}, {"locked_seconds": 30}]


async def test_what_administrators_do_is_recorded_with_who_did_it(auth: Auth) -> None:
    auth.add_admin()
    account_id = await user_id(auth)
    request = SetUserRole(user_id=account_id, role=Role.OPS, expected_version=1, changed_by=ROOT, address="2001:db8::7")
    await set_user_role(auth.means, delivery(request, principal=ADMIN))
    event = last(auth)
    assert (event.action, event.outcome, event.actor, event.subject, event.address) == (
        "account.role_changed", "OK", ADMIN, account_id, "2001:db8::7",
    )  # fmt: skip
    assert event.details == {"before": "VIEWER", "after": "OPS", "version": 2}
    removal = RemoveUser(user_id=account_id, expected_version=2, removed_by=ROOT)
    await remove_user(auth.means, delivery(removal, principal="key:7"))
    event = last(auth)
    assert (event.action, event.actor, event.subject) == ("account.removed", "key:7", account_id)


async def test_what_was_refused_to_administrators_is_recorded_too(auth: Auth) -> None:
    auth.add_admin()
    account_id, nobody = await user_id(auth), UUID(int=9)
    removal = RemoveUser(user_id=account_id, expected_version=9, removed_by=ROOT, address=ADDRESS)
    role = SetUserRole(user_id=account_id, role=Role.OPS, expected_version=9, changed_by=ROOT, address=ADDRESS)
    last_admin = SetUserRole(user_id=ROOT, role=Role.OPS, expected_version=1, changed_by=ROOT, address=ADDRESS)
    expected: list[tuple[SetUserRole | RemoveUser, str, str]] = [
        (role, "account.role_changed", "VERSION_CONFLICT"),
        (removal, "account.removed", "VERSION_CONFLICT"),
        (role.model_copy(update={"user_id": nobody}), "account.role_changed", "NOT_FOUND"),
        (removal.model_copy(update={"user_id": nobody}), "account.removed", "NOT_FOUND"),
        (last_admin, "account.role_changed", "INVALID_INPUT"),
        (role.model_copy(update={"changed_by": account_id}), "account.role_changed", "FORBIDDEN"),
        (removal.model_copy(update={"removed_by": nobody}), "account.removed", "FORBIDDEN"),
    ]
    for request, action, outcome in expected:
        before = len(auth.recorded())
        if isinstance(request, SetUserRole):
            reply = await set_user_role(auth.means, delivery(request, principal=ADMIN))
        else:
            reply = await remove_user(auth.means, delivery(request, principal=ADMIN))
        event = last(auth)
        assert (reply.outcome, len(auth.recorded())) == (outcome, before + 1)
        assert (event.action, event.outcome, event.actor, event.address) == (action, outcome, ADMIN, ADDRESS)
        assert event.subject == request.user_id
        assert event.details == {"expected_version": request.expected_version}


async def test_the_first_administrator_is_made_by_the_system(auth: Auth) -> None:
    await ensure_first_admin(auth.means, "root@example.org", "the keys to the kingdom")
    [event] = auth.database.tables.security_events
    assert (event.action, event.actor, event.address) == ("account.first_admin", "system", None)


async def test_every_record_is_announced_with_the_same_content_in_the_same_transaction(auth: Auth) -> None:
    await auth.sign_up()
    await auth.sign_up()
    await auth.log_in("nobody@example.org")
    announced = [event.event for event, _ in auth.database.tables.outbox if isinstance(event, SecurityEventRecorded)]
    recorded = auth.database.tables.security_events
    assert [event.id for event in announced] == [event.id for event in recorded]
    assert [(e.action, e.outcome, e.actor, e.subject, e.address, e.details) for e in announced] == [
        (e.action, e.outcome, e.actor, e.subject, e.address, dict(e.details)) for e in recorded
    ]


async def test_no_record_holds_a_secret_or_an_address_of_somebody(auth: Auth) -> None:
    made = await auth.sign_up()
    await auth.sign_up()
    await auth.log_in(password="a wrong long sentence")
    await auth.log_in("nobody@example.org")
    token = refresh_token_of(made)
    await auth.refresh(token)
    auth.clock.forward(seconds=1)
    await auth.refresh(token)
    await auth.log_out(token)
    assert made.tokens is not None
    said = repr(auth.database.tables.security_events)
    for secret in (PASSWORD, "wrong long", token, made.tokens.access_token.get_secret_value(), "example.org", "Ada"):
        assert secret not in said
