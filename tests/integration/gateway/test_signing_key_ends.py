"""The end of a key as the gateway keeps it: whatever order the news come in, the earliest end holds."""

import itertools
from datetime import datetime, timedelta

import pytest

from aiops_common.postgres import Listener, Pool
from aiops_contracts.auth import SigningKey
from aiops_gateway.repository import accounts, rebuild
from aiops_gateway.repository.read_model import CHANGES_CHANNEL
from integration.gateway.conftest import listening, minute
from support.eventually import eventually

JWK = {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}


def key(until: datetime | None = None, *, kid: str = "k") -> SigningKey:
    return SigningKey(kid=kid, jwk=JWK, created_at=minute(0), signs_from=minute(1), verifies_until=until)


NEWS = [key(), key(minute(60)), key(minute(30))]


async def end(pool: Pool) -> datetime | None:
    async with pool.connection() as connection:
        return (await accounts.signing_keys(connection))["k"].verifies_until


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_the_earliest_end_holds_in_whatever_order_the_events_come(pool: Pool, order: tuple[int, ...]) -> None:
    for one in order:
        async with pool.transaction() as connection:
            await accounts.add_signing_keys(connection, [NEWS[one]])
    assert await end(pool) == minute(30)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
async def test_events_of_one_key_in_one_batch_are_no_fault(pool: Pool, order: tuple[int, ...]) -> None:
    async with pool.transaction() as connection:
        await accounts.add_signing_keys(connection, [NEWS[one] for one in order])
        await accounts.add_signing_keys(connection, [])
    assert await end(pool) == minute(30)


async def test_a_page_of_a_rebuild_that_was_read_before_a_rotation_brings_no_key_back(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await accounts.add_signing_keys(connection, [key(minute(30))])
        assert await rebuild.repair_signing_keys(connection, [key()]) == 0
        assert await rebuild.repair_signing_keys(connection, [key(minute(60))]) == 0
        assert await rebuild.repair_signing_keys(connection, [key(minute(20))]) == 1
    assert await end(pool) == minute(20)


async def test_a_rebuild_makes_up_for_an_event_that_was_lost(pool: Pool) -> None:
    async with pool.transaction() as connection:
        await accounts.add_signing_keys(connection, [key()])
        assert await rebuild.repair_signing_keys(connection, [key(minute(30)), key(kid="l")]) == 2
        assert await rebuild.repair_signing_keys(connection, [key(minute(30)), key(kid="l")]) == 0
        rows = await connection.fetch("SELECT kid, signs_from, verifies_until FROM signing_keys ORDER BY kid")
    assert [tuple(row) for row in rows] == [("k", minute(1), minute(30)), ("l", minute(1), None)]


async def test_an_end_is_told_once_and_a_repetition_is_not(pool: Pool, listener: Listener) -> None:
    told: list[str] = []
    listener.subscribe(CHANGES_CHANNEL, told.append)
    await listening(listener)
    for until in (None, None, minute(30), minute(30), minute(60)):
        async with pool.transaction() as connection:
            await accounts.add_signing_keys(connection, [key(until)])
    async with pool.transaction() as connection:
        await accounts.add_signing_keys(connection, [key(minute(29) + timedelta(seconds=59), kid="last")])

    async def heard_the_last() -> bool:
        return "signingKey:last" in told

    await eventually(heard_the_last)
    assert told.count("signingKey:k") == 2
