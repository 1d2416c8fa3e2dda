"""Locks are for whoever guesses: somebody else's guesses keep nobody out, unless many places guess at once."""

import pytest

from aiops_auth.domain import counted_under
from unit.auth.harness import Auth

WRONG = "a wrong long sentence"
ATTACKER = "203.0.113.9"


async def guess(auth: Auth, address: str | None, email: str = "ada@example.org") -> str:
    own, auth.address = auth.address, address
    try:
        return (await auth.log_in(email, WRONG)).outcome
    finally:
        auth.address = own


async def test_who_guesses_from_one_place_locks_that_place_and_not_the_owner(auth: Auth) -> None:
    await auth.sign_up()
    assert [await guess(auth, ATTACKER) for _ in range(6)] == ["BAD_CREDENTIALS"] * 5 + ["ACCOUNT_LOCKED"]
    assert (await auth.log_in()).outcome == "OK"
    assert await guess(auth, ATTACKER) == "ACCOUNT_LOCKED", "a log-in elsewhere forgives nothing"


async def test_not_even_one_guess_every_quarter_of_an_hour_for_days_locks_the_owner_out(auth: Auth) -> None:
    await auth.sign_up()
    for _ in range(4 * 24 * 2):
        await guess(auth, ATTACKER)
        auth.clock.forward(minutes=15)
    for _ in range(3):
        await guess(auth, ATTACKER)
    assert (await auth.log_in()).outcome == "OK"


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org"])
async def test_fifty_guesses_from_many_places_lock_the_address_for_everybody(auth: Auth, email: str) -> None:
    await auth.sign_up()
    outcomes = [await guess(auth, f"198.51.100.{n}", email) for n in range(50)]
    assert outcomes == ["BAD_CREDENTIALS"] * 50
    assert await guess(auth, "192.0.2.200", email) == "ACCOUNT_LOCKED"
    assert (await auth.log_in(email)).outcome == "ACCOUNT_LOCKED"
    auth.clock.forward(seconds=30)
    assert (await auth.log_in()).outcome == "OK"


async def test_a_client_whose_address_is_not_known_is_locked_as_one_place(auth: Auth) -> None:
    await auth.sign_up()
    assert [await guess(auth, None) for _ in range(6)] == ["BAD_CREDENTIALS"] * 5 + ["ACCOUNT_LOCKED"]
    assert (await auth.log_in()).outcome == "OK"


def test_the_addresses_of_one_ipv6_network_are_one_place() -> None:
    email = "ada@example.org"
    one, everywhere = counted_under(email, "2001:db8:1:2::1")
    assert counted_under(email, "2001:db8:1:2:ffff::9") == (one, everywhere)
    others = [counted_under(email, address) for address in ("2001:db8:1:3::1", "192.0.2.1", "192.0.2.2", "?", None)]
    assert len({one, everywhere, *(narrow for narrow, _ in others)}) == 7
    assert {wide for _, wide in others} == {everywhere}
    assert counted_under(email, "::ffff:192.0.2.1") == counted_under(email, "192.0.2.1")
