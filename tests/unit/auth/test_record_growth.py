"""What nobody has to prove anything for leaves one record a minute, however often it is tried."""

from uuid import uuid4

import pytest

from aiops_contracts.auth import SecurityEventRecorded
from unit.auth.harness import Auth, refresh_token_of

WRONG = "a wrong long sentence"


def count(auth: Auth, action: str, outcome: str) -> int:
    announced = [event.event for event, _ in auth.database.tables.outbox if isinstance(event, SecurityEventRecorded)]
    told = [event for event in announced if (event.action, event.outcome) == (action, outcome)]
    assert len(told) == auth.recorded().count((action, outcome)), "announced are those that were written"
    return len(told)


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
async def test_attempts_on_a_locked_address_are_one_record_a_minute(auth: Auth, email: str) -> None:
    await auth.sign_up()
    for _ in range(8):
        await auth.log_in(email, WRONG)
        auth.clock.forward(seconds=1)
    assert count(auth, "session.logged_in", "BAD_CREDENTIALS") == 5
    assert count(auth, "session.logged_in", "ACCOUNT_LOCKED") == 1
    for _ in range(5):
        auth.clock.forward(seconds=70)
        await auth.log_in(email, WRONG)
        for _ in range(5):
            await auth.log_in(email, WRONG)
    assert count(auth, "session.logged_in", "ACCOUNT_LOCKED") == 6


async def test_another_locked_address_is_another_record(auth: Auth) -> None:
    for email in ("one@example.org", "two@example.org"):
        for _ in range(7):
            await auth.log_in(email, WRONG)
    assert count(auth, "session.logged_in", "ACCOUNT_LOCKED") == 2


async def test_a_dead_refresh_token_is_one_record_a_minute_and_a_reused_one_is_always_recorded(auth: Auth) -> None:
    token = refresh_token_of(await auth.sign_up())
    await auth.refresh(token)
    auth.clock.forward(seconds=1)
    for _ in range(20):
        assert (await auth.refresh(token)).outcome == "BAD_CREDENTIALS"
    assert count(auth, "session.refresh_reused", "REUSED") == 1
    assert count(auth, "session.refresh_refused", "REVOKED") == 1
    auth.clock.forward(minutes=1)
    await auth.refresh(token)
    assert count(auth, "session.refresh_refused", "REVOKED") == 2


async def test_a_taken_address_is_one_record_a_minute(auth: Auth) -> None:
    for email in ("ada@example.org", "bob@example.org"):
        await auth.sign_up(email)
        for _ in range(10):
            assert (await auth.sign_up(email, message_id=uuid4())).outcome == "EMAIL_TAKEN"
    assert count(auth, "account.signed_up", "EMAIL_TAKEN") == 2
    auth.clock.forward(minutes=1)
    await auth.sign_up()
    assert count(auth, "account.signed_up", "EMAIL_TAKEN") == 3
