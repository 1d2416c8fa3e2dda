"""Signing keys take turns on a real database, whose locks let one replica rotate."""

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from aiops_auth.service.key_ring import LEEWAY, SigningKeyMissing
from aiops_auth.tokens import CredentialCipher, CredentialKeyUnreadable, TokenIssuer
from aiops_auth.upkeep import Upkeep
from aiops_common.postgres import Pool
from integration.auth.ringing import ACCESS_LIFETIME, LEAD, create, ringing

PUBLISHED = "auth.signing_key_published.v1"
OVERLAP = ACCESS_LIFETIME + LEEWAY


async def test_without_a_key_nothing_is_signed(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    with pytest.raises(SigningKeyMissing):
        await keys.kid_now()


async def test_services_that_start_together_make_one_key_and_announce_it(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await asyncio.gather(*(keys.ring.ensure() for _ in range(8)))
    [row] = await keys.fetch("SELECT kid, signs_from, verifies_until FROM signing_keys")
    [event] = await keys.events(PUBLISHED)
    assert (row["kid"], row["signs_from"], row["verifies_until"]) == (await keys.kid_now(), keys.clock(), None)
    assert event["key"]["kid"] == row["kid"]
    assert event["key"]["verifies_until"] is None
    assert len(await keys.fetch("SELECT 1 FROM credential_keys")) == 1


async def test_a_new_key_signs_after_the_lead_and_the_old_one_is_believed_until_its_tokens_are_gone(
    auth_pool: Pool,
) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    old, began = await keys.kid_now(), keys.clock()
    rotation = await keys.ring.rotate()
    assert (rotation.signing_key.signs_from, rotation.signing_key.verifies_until) == (began + LEAD, None)
    assert [(key.kid, key.verifies_until) for key in rotation.ended] == [(old, began + LEAD + OVERLAP)]
    assert await keys.kid_now() == old
    keys.clock.now = began + LEAD - timedelta(microseconds=1)
    assert await keys.kid_now() == old
    keys.clock.now = began + LEAD
    assert await keys.kid_now() == rotation.signing_key.kid
    last_token_of_the_old_key_expires = began + LEAD + ACCESS_LIFETIME
    [end] = await keys.fetch("SELECT verifies_until FROM signing_keys WHERE kid = $1", old)
    assert end["verifies_until"] >= last_token_of_the_old_key_expires


async def test_every_key_that_changed_is_announced_with_the_transaction_that_changed_it(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    old = await keys.kid_now()
    rotation = await keys.ring.rotate()
    announced = {event["key"]["kid"]: event["key"] for event in await keys.events(PUBLISHED)}
    assert announced.keys() == {old, rotation.signing_key.kid}
    assert announced[old]["verifies_until"] is not None
    assert announced[rotation.signing_key.kid]["signs_from"] is not None
    assert all("d" not in key["jwk"] for key in announced.values())


async def test_a_rotation_is_on_the_record(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    rotation = await keys.ring.rotate()
    [event] = [one["event"] for one in await keys.events("auth.security_event_recorded.v1")]
    assert (event["action"], event["outcome"], event["actor"]) == ("keys.rotated", "OK", "system")
    assert event["subject"] == rotation.signing_key.kid
    assert event["details"] == {"at_once": False, "ended": 1, "credential_kid": rotation.credential_kid}
    stored = await keys.fetch("SELECT 1 FROM security_events WHERE subject = $1", UUID(rotation.signing_key.kid))
    assert len(stored) == 1


async def test_a_compromised_key_is_not_believed_from_now_on_and_neither_is_one_that_was_to_follow(
    auth_pool: Pool,
) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    first = await keys.kid_now()
    second = (await keys.ring.rotate()).signing_key.kid
    keys.clock.forward(seconds=10)
    rotation = await keys.ring.rotate(at_once=True)
    assert {key.kid for key in rotation.ended} == {first, second}
    assert {key.verifies_until for key in rotation.ended} == {keys.clock()}
    assert await keys.kid_now() == rotation.signing_key.kid
    keys.clock.forward(days=1)
    assert await keys.kid_now() == rotation.signing_key.kid, "the second one's turn never comes"
    kids = await keys.fetch("SELECT kid FROM credential_keys")
    assert [row["kid"] for row in kids] == [rotation.credential_kid], "nothing opens what was encrypted to the old one"


async def test_an_end_only_ever_comes_nearer(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    first = await keys.kid_now()
    began = keys.clock()
    await keys.ring.rotate()
    keys.clock.forward(seconds=30)
    again = await keys.ring.rotate()
    assert first not in {key.kid for key in again.ended}
    [row] = await keys.fetch("SELECT verifies_until FROM signing_keys WHERE kid = $1", first)
    assert row["verifies_until"] == began + LEAD + OVERLAP
    for _ in range(200):
        assert await keys.kid_now()
        keys.clock.forward(seconds=10)
    assert await keys.kid_now() == again.signing_key.kid


async def test_replicas_that_find_a_key_old_rotate_once(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    age = timedelta(days=90)
    replicas = [Upkeep(keys.ring, keys.api_keys, keys.sessions, rotation_age=age) for _ in range(6)]
    await asyncio.gather(*(replica.once() for replica in replicas))
    assert len(await keys.fetch("SELECT 1 FROM signing_keys")) == 1
    keys.clock.forward(days=90)
    await asyncio.gather(*(replica.once() for replica in replicas))
    assert len(await keys.fetch("SELECT 1 FROM signing_keys")) == 2


async def test_keys_never_rotate_by_themselves_where_that_was_switched_off(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    keys.clock.forward(days=4000)
    await Upkeep(keys.ring, keys.api_keys, keys.sessions, rotation_age=None).once()
    assert len(await keys.fetch("SELECT 1 FROM signing_keys")) == 1


async def test_a_key_is_deleted_long_after_its_end_and_never_before(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    old = await keys.kid_now()
    new = (await keys.ring.rotate()).signing_key.kid
    upkeep = Upkeep(keys.ring, keys.api_keys, keys.sessions, rotation_age=None)
    keys.clock.forward(days=30)
    await upkeep.once()
    assert {row["kid"] for row in await keys.fetch("SELECT kid FROM signing_keys")} == {old, new}
    keys.clock.forward(days=1)
    await upkeep.once()
    assert [row["kid"] for row in await keys.fetch("SELECT kid FROM signing_keys")] == [new]


async def test_a_request_to_the_credential_key_before_a_rotation_is_still_answered(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    await keys.ring.rotate()
    reply, secret = await create(keys)
    assert (reply.outcome, bool(secret)) == ("OK", True)


async def test_another_master_key_takes_over_by_a_rotation_at_once(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    key = os.urandom(32)
    tokens = TokenIssuer(
        issuer="i", audience="a", access_lifetime=ACCESS_LIFETIME, refresh_lifetime=ACCESS_LIFETIME, master_key=key
    )
    other = replace(keys.ring, tokens=tokens, credentials=replace(keys.credentials, cipher=CredentialCipher(key)))
    with pytest.raises(CredentialKeyUnreadable, match="rotate-keys --now"):
        await other.ensure()
    await other.rotate(at_once=True)
    await other.ensure()
    assert len(await keys.fetch("SELECT 1 FROM signing_keys WHERE verifies_until IS NULL")) == 1


async def test_upkeep_goes_on_after_any_failure(auth_pool: Pool) -> None:
    keys = await ringing(auth_pool)
    await keys.ring.ensure()
    keys.clock.forward(days=365)
    done = asyncio.Event()

    class Failing(Upkeep):
        calls = 0

        async def once(self) -> None:
            self.calls += 1
            if self.calls == 1:
                raise RuntimeError("anything")
            await super().once()
            done.set()

    upkeep = Failing(keys.ring, keys.api_keys, keys.sessions, rotation_age=timedelta(days=90), every_seconds=0.01)
    await upkeep.start()
    async with asyncio.timeout(20):
        await done.wait()
    await upkeep.stop()
    assert len(await keys.fetch("SELECT 1 FROM signing_keys")) == 2
