import asyncio

import pytest

from aiops_contracts.auth import Role, UserChanged
from unit.auth.harness import PASSWORD, Auth


async def test_signing_up_makes_a_viewer_who_is_logged_in_and_announced(auth: Auth) -> None:
    reply = await auth.sign_up("  Ada@Example.org ", name=" Ada Lovelace ")
    assert reply.outcome == "OK"
    assert reply.user is not None
    assert reply.tokens is not None
    assert (reply.user.email, reply.user.display_name) == ("ada@example.org", "Ada Lovelace")
    assert (reply.user.role, reply.user.version) == (Role.VIEWER, 1)
    assert reply.user.created_at == reply.user.updated_at == auth.clock.now
    event, subject = auth.database.tables.outbox[-1]
    assert isinstance(event, UserChanged)
    assert event.user == reply.user
    assert subject == reply.user.id


async def test_the_password_is_stored_hashed_only(auth: Auth) -> None:
    await auth.sign_up()
    assert PASSWORD not in repr([account.password_hash for account in auth.database.tables.accounts.values()])
    assert all(a.password_hash.startswith("$argon2id$") for a in auth.database.tables.accounts.values())
    assert "password" not in repr(auth.database.tables.outbox)


async def test_an_address_is_taken_in_any_spelling(auth: Auth) -> None:
    await auth.sign_up("ada@example.org")
    reply = await auth.sign_up("ADA@EXAMPLE.ORG")
    assert (reply.outcome, reply.field) == ("EMAIL_TAKEN", "email")
    assert reply.tokens is None
    assert reply.user is None
    assert len(auth.database.tables.accounts) == 1


async def test_of_simultaneous_sign_ups_with_one_address_one_gets_it(auth: Auth) -> None:
    replies = await asyncio.gather(*(auth.sign_up() for _ in range(8)))
    assert sorted(reply.outcome for reply in replies) == ["EMAIL_TAKEN"] * 7 + ["OK"]


@pytest.mark.parametrize(
    ("email", "password", "name", "refusal"),
    [
        ("not an address", PASSWORD, "Ada", ("INVALID_INPUT", "email")),
        ("ada@example.org", PASSWORD, "", ("INVALID_INPUT", "display_name")),
        ("ada@example.org", "short", "Ada", ("WEAK_PASSWORD", "password")),
        ("ada@example.org", "password123456", "Ada", ("WEAK_PASSWORD", "password")),
    ],
)
async def test_a_refusal_names_the_field_and_the_reason_and_changes_nothing(
    auth: Auth, email: str, password: str, name: str, refusal: tuple[str, str]
) -> None:
    reply = await auth.sign_up(email, password, name)
    assert (reply.outcome, reply.field) == refusal
    assert reply.message
    assert password not in reply.message
    assert not auth.database.tables.accounts


async def test_nothing_is_kept_when_the_event_cannot_be_stored(auth: Auth) -> None:
    async def failing(*_: object) -> None:
        raise OSError("disk full")

    broken = type(auth.service)(
        transactions=auth.service.transactions,
        repository=auth.service.repository,
        publish=failing,
        passwords=auth.service.passwords,
        tokens=auth.service.tokens,
        clock=auth.clock,
    )
    with pytest.raises(OSError, match="disk full"):
        await Auth(broken, auth.database, auth.clock).sign_up()
    assert not auth.database.tables.accounts
    assert not auth.database.tables.tokens
