import asyncio
from datetime import timedelta

import pytest

from aiops_auth.service import set_user_role
from aiops_contracts.auth import Role, SetUserRole
from unit.auth.harness import ROOT, Auth, delivery, refresh_token_of


async def test_each_use_spends_the_token_and_gives_another(auth: Auth) -> None:
    first = refresh_token_of(await auth.sign_up())
    auth.clock.forward(minutes=9)
    reply = await auth.refresh(first)
    second = refresh_token_of(reply)
    assert second != first
    assert reply.reply.user is not None
    assert reply.tokens is not None
    assert reply.tokens.expires_at == auth.clock.now + timedelta(minutes=10)
    assert refresh_token_of(await auth.refresh(second)) not in (first, second)


async def test_reuse_of_a_spent_token_revokes_the_whole_family_and_no_other(auth: Auth) -> None:
    first = refresh_token_of(await auth.sign_up())
    other = refresh_token_of(await auth.log_in())
    second = refresh_token_of(await auth.refresh(first))
    third = refresh_token_of(await auth.refresh(second))
    auth.clock.forward(seconds=1)
    assert (await auth.refresh(first)).outcome == "BAD_CREDENTIALS"
    assert (await auth.refresh(third)).outcome == "BAD_CREDENTIALS"
    assert (await auth.refresh(other)).outcome == "OK"


async def test_of_simultaneous_refreshes_one_gets_a_child_that_works(auth: Auth) -> None:
    first = refresh_token_of(await auth.sign_up())
    tasks = [asyncio.create_task(auth.refresh(first)) for _ in range(20)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in tasks), "all have arrived before any is answered"
    auth.clock.forward(milliseconds=5)
    replies = await asyncio.gather(*tasks)
    winners = [reply for reply in replies if reply.outcome == "OK"]
    assert len(winners) == 1
    assert len({reply.outcome for reply in replies} - {"OK", "BAD_CREDENTIALS"}) == 0
    child = refresh_token_of(winners[0])
    assert (await auth.refresh(child)).outcome == "OK"


async def test_a_token_expires_after_thirty_days_without_use(auth: Auth) -> None:
    token = refresh_token_of(await auth.sign_up())
    auth.clock.forward(days=29)
    token = refresh_token_of(await auth.refresh(token))
    auth.clock.forward(days=29)
    token = refresh_token_of(await auth.refresh(token))
    auth.clock.forward(days=30)
    assert (await auth.refresh(token)).outcome == "BAD_CREDENTIALS"


async def test_expired_tokens_are_deleted_at_the_next_log_in(auth: Auth) -> None:
    await auth.sign_up()
    auth.clock.forward(days=31)
    await auth.log_in()
    assert len(auth.database.tables.families) == 1
    assert len(auth.database.tables.tokens) == 1


async def test_logging_out_revokes_the_family_and_is_always_fine(auth: Auth) -> None:
    first = refresh_token_of(await auth.sign_up())
    second = refresh_token_of(await auth.refresh(first))
    other = refresh_token_of(await auth.log_in())
    assert await auth.log_out(first) == "OK"
    assert (await auth.refresh(second)).outcome == "BAD_CREDENTIALS"
    assert (await auth.refresh(other)).outcome == "OK"
    assert await auth.log_out(second) == "OK"
    assert await auth.log_out("nonsense") == "OK"


@pytest.mark.parametrize("token", ["", "nonsense", "x" * 43, "x" * 4_000])
async def test_what_is_no_refresh_token_is_refused(auth: Auth, token: str) -> None:
    await auth.sign_up()
    assert (await auth.refresh(token)).outcome == "BAD_CREDENTIALS"


async def test_an_access_token_does_not_refresh(auth: Auth) -> None:
    reply = await auth.sign_up()
    assert reply.tokens is not None
    assert (await auth.refresh(reply.tokens.access_token.get_secret_value())).outcome == "BAD_CREDENTIALS"


async def test_the_stored_digest_is_no_refresh_token(auth: Auth) -> None:
    token = refresh_token_of(await auth.sign_up())
    [digest] = auth.database.tables.tokens
    assert token.encode() not in digest
    assert (await auth.refresh(digest.hex())).outcome == "BAD_CREDENTIALS"


async def test_a_refresh_tells_the_present_role(auth: Auth) -> None:
    auth.add_admin()
    made = await auth.sign_up()
    assert made.reply.user is not None
    user_id = made.reply.user.id
    request = SetUserRole(user_id=user_id, role=Role.OPS, expected_version=1, changed_by=ROOT)
    await set_user_role(auth.means, delivery(request))
    reply = (await auth.refresh(refresh_token_of(made))).reply
    assert reply.user is not None
    assert reply.user.role is Role.OPS
