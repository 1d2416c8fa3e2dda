"""API keys on a real database: one for each request, whose secret is shown for some minutes and kept nowhere."""

import asyncio
import hashlib
import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from aiops_auth.repository import Repository
from aiops_auth.service import Replays
from aiops_common.postgres import Pool
from aiops_contracts.auth import ApiKeySnapshot, ReplayApiKeys, Role
from integration.auth.ringing import ADMIN, Keys, create, delivered, revoke, ringing, sealed_form


@pytest.fixture
async def keys(auth_pool: Pool) -> Keys:
    made = await ringing(auth_pool)
    await made.ring.ensure()
    return made


async def test_a_key_is_told_once_and_only_its_digest_is_announced(keys: Keys) -> None:
    expires_at = keys.clock() + timedelta(days=30)
    reply, secret = await create(keys, name="  deploy bot ", role=Role.HR, expires_at=expires_at)
    assert secret is not None
    assert re.fullmatch(r"aiops_[A-Za-z0-9_-]{43}", secret)
    assert reply.api_key is not None
    assert reply.api_key.model_dump(exclude={"id"}) == {
        "version": 1,
        "name": "deploy bot",
        "role": Role.HR,
        "digest": hashlib.sha256(secret.encode()).hexdigest(),
        "created_by": ADMIN,
        "created_at": keys.clock(),
        "updated_at": keys.clock(),
        "expires_at": expires_at,
        "revoked_at": None,
    }
    [event] = await keys.events("auth.api_key_changed.v1")
    assert event["api_key"] == reply.api_key.model_dump(mode="json")
    [recorded] = [one["event"] for one in await keys.events("auth.security_event_recorded.v1")]
    assert (recorded["action"], recorded["actor"], recorded["subject"], recorded["address"]) == (
        "api_key.created",
        f"user:{ADMIN}",
        str(reply.api_key.id),
        "192.0.2.1",
    )


async def test_the_secret_stands_nowhere_in_the_database(keys: Keys) -> None:
    _, secret = await create(keys)
    assert secret is not None
    for table in ("api_keys", "security_events", "outbox", "signing_keys", "credential_keys"):
        for row in await keys.fetch(f"SELECT t::text AS text FROM {table} AS t"):
            assert secret not in row["text"], table
            assert secret.encode().hex() not in row["text"], table


async def test_a_hundred_identical_requests_at_once_make_one_key_and_get_one_answer(keys: Keys) -> None:
    request_id, answer_key = uuid4(), os.urandom(32)
    sealed = await sealed_form(keys, answer_key)
    answers = await asyncio.gather(
        *(create(keys, request_id=request_id, answer_key=answer_key, sealed=sealed) for _ in range(100))
    )
    assert len({secret for _, secret in answers}) == 1
    assert len({reply.model_copy(update={"sealed_secret": None}).model_dump_json() for reply, _ in answers}) == 1
    assert len({reply.sealed_secret for reply, _ in answers}) == 100, "each is encrypted anew"
    assert len(await keys.fetch("SELECT 1 FROM api_keys")) == 1
    assert len(await keys.events("auth.api_key_changed.v1")) == 1


async def test_the_secret_is_told_again_for_ten_minutes_and_gone_afterwards(keys: Keys) -> None:
    request_id = uuid4()
    first, secret = await create(keys, request_id=request_id)
    keys.clock.forward(minutes=9, seconds=59)
    again, same = await create(keys, request_id=request_id)
    assert (again.api_key, same) == (first.api_key, secret)
    keys.clock.forward(seconds=1)
    later, nothing = await create(keys, request_id=request_id)
    assert (later.outcome, later.api_key, nothing) == ("OK", first.api_key, None)


async def test_another_request_wipes_the_secrets_that_are_not_shown_any_more_and_so_does_time(keys: Keys) -> None:
    await create(keys)
    keys.clock.forward(minutes=10, seconds=1)
    await create(keys)
    assert [row["count"] for row in await keys.fetch("SELECT count(sealed_secret) FROM api_keys")] == [1]
    keys.clock.forward(minutes=10, seconds=1)
    await keys.api_keys.wipe_secrets()
    assert [row["count"] for row in await keys.fetch("SELECT count(sealed_secret) FROM api_keys")] == [0]


@pytest.mark.parametrize("changes", [{"name": "other"}, {"role": Role.ADMIN}, {"created_by": uuid4()}])
async def test_the_id_of_another_request_gets_no_secret(keys: Keys, changes: dict[str, Any]) -> None:
    request_id = uuid4()
    await create(keys, request_id=request_id)
    reply, secret = await create(keys, request_id=request_id, **changes)
    assert (reply.outcome, reply.api_key, secret) == ("INVALID_INPUT", None, None)
    assert len(await keys.fetch("SELECT 1 FROM api_keys")) == 1


async def test_a_secret_cannot_be_moved_to_another_key(keys: Keys) -> None:
    await create(keys)
    request_id = uuid4()
    await create(keys, request_id=request_id)
    await keys.fetch(
        "UPDATE api_keys SET sealed_secret = (SELECT sealed_secret FROM api_keys WHERE request_id <> $1) "
        "WHERE request_id = $1",
        request_id,
    )
    reply, secret = await create(keys, request_id=request_id)
    assert (reply.outcome, secret) == ("OK", None)


async def test_what_is_not_encrypted_to_the_credential_key_makes_no_key(keys: Keys) -> None:
    sealed = await sealed_form(keys, os.urandom(32))
    header, *rest = sealed.split(".")
    tampered = ".".join([header, *rest[:-1], "A" * len(rest[-1])])
    for wrong in ("", "a.b.c.d.e", tampered, sealed[:-1]):
        reply, _ = await create(keys, sealed=wrong)
        assert (reply.outcome, reply.api_key) == ("KEY_UNKNOWN", None)
    assert await keys.fetch("SELECT 1 FROM api_keys") == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "expires_at"),
    ],
)
async def test_a_wrong_field_is_named_and_makes_no_key(keys: Keys, changes: dict[str, Any], field: str) -> None:
    reply, secret = await create(keys, **changes)
    assert (reply.outcome, reply.field, secret) == ("INVALID_INPUT", field, None)
    assert await keys.fetch("SELECT 1 FROM api_keys") == []
    [recorded] = [one["event"] for one in await keys.events("auth.security_event_recorded.v1")]
    assert (recorded["action"], recorded["outcome"], recorded["actor"], recorded["subject"], recorded["address"]) == (
        "api_key.created", "INVALID_INPUT", f"user:{ADMIN}", None, "192.0.2.1",
    )  # fmt: skip


async def test_who_is_not_administrator_any_more_makes_and_revokes_no_key(keys: Keys) -> None:
    request_id = uuid4()
    made, secret = await create(keys, request_id=request_id)
    ended, _ = await create(keys)
    assert made.api_key is not None
    assert ended.api_key is not None
    assert (await revoke(keys, ended.api_key.id)).outcome == "OK"
    await keys.fetch("UPDATE accounts SET role = 'VIEWER' WHERE id = $1", ADMIN)
    assert (await create(keys, request_id=request_id))[1] == secret, "the same request has the same answer"
    assert (await revoke(keys, ended.api_key.id)).outcome == "OK"
    for somebody in (ADMIN, uuid4()):
        reply, nothing = await create(keys, created_by=somebody)
        assert (reply.outcome, reply.api_key, nothing) == ("FORBIDDEN", None, None)
        assert "ADMIN" in reply.message
        assert (await revoke(keys, made.api_key.id, revoked_by=somebody)).outcome == "FORBIDDEN"
        assert (await revoke(keys, uuid4(), revoked_by=somebody)).outcome == "FORBIDDEN"
    live = await keys.fetch("SELECT id FROM api_keys WHERE revoked_at IS NULL")
    assert [row["id"] for row in live] == [made.api_key.id]
    recorded = [one["event"] for one in await keys.events("auth.security_event_recorded.v1")][3:]
    assert [(one["action"], one["outcome"]) for one in recorded] == [
        ("api_key.created", "FORBIDDEN"),
        ("api_key.revoked", "FORBIDDEN"),
        ("api_key.revoked", "FORBIDDEN"),
    ] * 2


async def test_no_more_than_200_keys_live_also_when_they_are_made_at_once(keys: Keys) -> None:
    async with keys.pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO api_keys (id, version, name, role, digest, created_by, created_at, updated_at, request_id) "
            "SELECT gen_random_uuid(), 1, 'k', 'OPS', sha256(n::text::bytea), $1, $2, $2, gen_random_uuid() "
            "FROM generate_series(1, 195) AS n",
            ADMIN,
            keys.clock(),
        )
    answers = await asyncio.gather(*(create(keys) for _ in range(10)))
    assert sorted(reply.outcome for reply, _ in answers) == ["INVALID_INPUT"] * 5 + ["OK"] * 5
    live = next(reply.api_key.id for reply, _ in answers if reply.api_key)
    await revoke(keys, live)
    assert (await create(keys))[0].outcome == "OK", "a revoked key makes room"


async def test_a_key_is_revoked_at_the_version_that_was_seen(keys: Keys) -> None:
    made, _ = await create(keys)
    assert made.api_key is not None
    conflict = await revoke(keys, made.api_key.id, expected_version=2)
    assert (conflict.outcome, conflict.field, conflict.api_key) == (
        "VERSION_CONFLICT",
        "expected_version",
        made.api_key,
    )
    keys.clock.forward(seconds=5)
    done = await revoke(keys, made.api_key.id)
    assert done.outcome == "OK"
    assert done.api_key is not None
    assert (done.api_key.version, done.api_key.revoked_at) == (2, keys.clock())
    assert (await revoke(keys, uuid4())).outcome == "NOT_FOUND"
    recorded = [one["event"] for one in await keys.events("auth.security_event_recorded.v1")]
    assert [(one["action"], one["outcome"]) for one in recorded] == [
        ("api_key.created", "OK"),
        ("api_key.revoked", "VERSION_CONFLICT"),
        ("api_key.revoked", "OK"),
        ("api_key.revoked", "NOT_FOUND"),
    ]
    assert (recorded[1]["actor"], recorded[1]["subject"]) == (f"user:{ADMIN}", str(made.api_key.id))
    assert recorded[1]["details"] == {"expected_version": 2}


async def test_a_hundred_revocations_at_once_are_one_and_get_one_answer(keys: Keys) -> None:
    made, _ = await create(keys)
    assert made.api_key is not None
    replies = await asyncio.gather(*(revoke(keys, made.api_key.id) for _ in range(100)))
    assert len({reply.model_dump_json() for reply in replies}) == 1
    assert replies[0].outcome == "OK"
    assert (await revoke(keys, made.api_key.id, expected_version=2)).api_key == replies[0].api_key
    assert (await revoke(keys, made.api_key.id, expected_version=3)).outcome == "VERSION_CONFLICT"
    assert len(await keys.events("auth.api_key_changed.v1")) == 2


async def test_a_repetition_after_the_revocation_shows_the_revoked_key_and_no_secret(keys: Keys) -> None:
    request_id = uuid4()
    made, _ = await create(keys, request_id=request_id)
    assert made.api_key is not None
    await revoke(keys, made.api_key.id)
    reply, secret = await create(keys, request_id=request_id)
    assert reply.api_key is not None
    assert (reply.api_key.revoked_at is not None, secret) == (True, None)


async def test_pages_give_every_key_once(keys: Keys) -> None:
    made = {reply.api_key.id for reply, _ in [await create(keys, name=f"bot {n}") for n in range(5)] if reply.api_key}
    await revoke(keys, next(iter(made)))
    replays = Replays(transactions=keys.pool.transaction, repository=Repository())
    found: list[ApiKeySnapshot] = []
    after = None
    while True:
        page = await replays.api_keys(delivered(ReplayApiKeys(after=after, limit=2)))
        found += page.snapshots
        after = page.next_after
        if after is None:
            break
    assert [key.id for key in found] == sorted(made)
    assert sum(key.revoked_at is not None for key in found) == 1
