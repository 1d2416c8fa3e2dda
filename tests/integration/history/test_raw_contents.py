"""Logs as they came in, against PostgreSQL: kept once and sealed, handed out, deleted in time, sealed anew."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

import pytest
from pydantic import SecretStr

from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, Poison, new_message_id
from aiops_common.postgres import Pool
from aiops_common.redaction import redact
from aiops_common.retention import Retention
from aiops_common.sealing import Keyring, key_id
from aiops_contracts.base import JobFailure
from aiops_contracts.summarizer import MAX_LOG_BYTES, GetRawContent, SummarizeLog
from aiops_summarizer.raw_contents import RawContents
from aiops_summarizer.repository import LogRepository, RawContentRepository
from aiops_summarizer.resealing import reseal, run
from aiops_summarizer.service import SummarizerService
from support.content_keys import content_keys, keyring
from support.eventually import eventually

LOG = "ERROR login failed for ada@example.com\nERROR password=hunter2hunter2\n"
RAW = RawContentRepository()


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> AsyncIterator[Pool]:
    yield pools["summarizer"]
    async with pools["summarizer"].connection() as connection:
        await connection.execute("DELETE FROM raw_contents")


def service(pool: Pool, keys: Keyring) -> SummarizerService:
    raw = RawContents(pool, RAW, keys)
    return SummarizerService(pool, LogRepository(), raw, print, None, Leases(pool, seconds=None))


def received(message: SummarizeLog, principal: str = "user:x", log_id: UUID | None = None) -> Delivery[SummarizeLog]:
    return Delivery(log_id or new_message_id(), message, principal, attempt=1, time=datetime.now(UTC))


def ours(log_id: UUID, keys: Keyring, text: str = LOG) -> Delivery[SummarizeLog]:
    message = SummarizeLog(
        source="web",
        content=redact(text).text,
        redacted=True,
        redactions=redact(text).count,
        byte_count=len(text.encode()),
        sealed_content=base64.b64encode(keys.seal(text, about=log_id)).decode(),
    )
    return received(message, log_id=log_id)


async def kept(pool: Pool, log_id: UUID) -> bytes | None:
    async with pool.connection() as connection:
        return await RAW.get(connection, log_id)


async def row(pool: Pool, log_id: UUID) -> tuple[str, int, int]:
    async with pool.connection() as connection:
        found = await connection.fetchrow(
            "SELECT content, line_count, byte_count FROM log_entries WHERE id = $1", log_id
        )
    return tuple(found)


async def test_our_own_word_is_taken_and_the_log_is_kept_as_it_was_sealed(pool: Pool) -> None:
    keys, log_id = keyring(), new_message_id()
    await service(pool, keys).summarize(ours(log_id, keys))
    sealed = await kept(pool, log_id)
    assert sealed is not None
    assert b"hunter2" not in sealed
    assert keys.open(sealed, about=log_id) == LOG
    assert await row(pool, log_id) == (redact(LOG).text, 2, len(LOG))


async def test_a_partners_log_is_redacted_and_sealed_here_whatever_it_claims(pool: Pool) -> None:
    keys, others = keyring(), keyring()
    log_id = new_message_id()
    forged = base64.b64encode(others.seal("something else", about=log_id)).decode()
    claimed = SummarizeLog(source="web", content=LOG, redacted=True, redactions=77, byte_count=1, sealed_content=forged)
    await service(pool, keys).summarize(received(claimed, "partner:acme", log_id))
    sealed = await kept(pool, log_id)
    assert sealed is not None
    assert keys.open(sealed, about=log_id) == LOG
    assert await row(pool, log_id) == (redact(LOG).text, 2, len(LOG))


async def test_a_partner_cannot_send_more_by_saying_that_it_is_redacted(pool: Pool) -> None:
    large = SummarizeLog(source="web", content="a" * (MAX_LOG_BYTES + 1), redacted=True)
    summarizer = service(pool, keyring())
    delivery = received(large, "partner:acme")
    with pytest.raises(Poison, match="1 MiB"):
        await summarizer.summarize(delivery)
    await summarizer.give_up(delivery, JobFailure(code="bad_payload", message="too large", attempts=1))
    await summarizer.summarize(received(large))


async def test_what_is_sealed_wrongly_costs_the_raw_log_and_nothing_else(pool: Pool) -> None:
    for wrong in ("not base64", base64.b64encode(b"not sealed").decode()):
        message = SummarizeLog(source="web", content="all is well", redacted=True, sealed_content=wrong)
        delivery = received(message)
        await service(pool, keyring()).summarize(delivery)
        assert (await row(pool, delivery.id))[0] == "all is well"
        assert await kept(pool, delivery.id) is None


async def test_a_log_that_was_given_up_is_kept_too_and_only_once(pool: Pool) -> None:
    keys, log_id = keyring(), new_message_id()
    summarizer = service(pool, keys)
    failure = JobFailure(code="attempts_spent", message="it broke", attempts=5)
    for _ in range(2):
        await summarizer.give_up(ours(log_id, keys), failure)
    first = await kept(pool, log_id)
    await summarizer.summarize(ours(log_id, keys))
    assert first is not None
    assert await kept(pool, log_id) == first


async def test_a_crash_before_the_entry_is_made_good_by_the_next_delivery(pool: Pool) -> None:
    keys, log_id = keyring(), new_message_id()
    delivery = ours(log_id, keys)
    raw = RawContents(pool, RAW, keys)
    await raw.keep(delivery, raw.receive(delivery))  # and here it crashed
    first = await kept(pool, log_id)
    await service(pool, keys).summarize(delivery)
    assert await kept(pool, log_id) == first


async def test_a_log_whose_raw_text_is_gone_gets_no_other_one(pool: Pool) -> None:
    keys, log_id = keyring(), new_message_id()
    summarizer = service(pool, keys)
    await summarizer.summarize(ours(log_id, keys))
    async with pool.connection() as connection:
        await connection.execute("DELETE FROM raw_contents WHERE log_id = $1", log_id)
        await connection.execute("DELETE FROM inbox WHERE message_id = $1", log_id)
    # A partner that learnt the id sends another log under it.
    other = received(SummarizeLog(source="web", content="forged"), "partner:acme", log_id)
    with pytest.raises(Poison):
        await summarizer.summarize(other)
    assert await kept(pool, log_id) is None


async def test_it_is_handed_out_sealed(pool: Pool) -> None:
    keys, log_id = keyring(), new_message_id()
    await service(pool, keys).summarize(ours(log_id, keys))
    raw = RawContents(pool, RAW, keyring("other"))
    request = Delivery(new_message_id(), GetRawContent(log_id=log_id), "user:x", attempt=1, time=datetime.now(UTC))
    answer = await raw.get(request)
    assert answer.sealed is not None
    assert keys.open(base64.b64decode(answer.sealed), about=log_id) == LOG
    unknown = Delivery(
        new_message_id(), GetRawContent(log_id=new_message_id()), "user:x", attempt=1, time=datetime.now(UTC)
    )
    assert (await raw.get(unknown)).sealed is None


async def test_what_is_old_is_deleted_and_what_is_not_stays(pool: Pool) -> None:
    ages = [40] * 150 + [29]
    ids = [new_message_id() for _ in ages]
    async with pool.connection() as connection:
        await connection.execute(
            """
            INSERT INTO raw_contents (log_id, key_id, sealed, created_at)
            SELECT id, 'a', '\\x00', now() - make_interval(days => age)
            FROM unnest($1::uuid[], $2::int[]) AS r (id, age)
            """,
            ids,
            ages,
        )
    retention = Retention(pool, "raw_contents", partial(RAW.delete_old, older_than_days=30), sweep_seconds=0.01)
    await retention.start()
    try:

        async def swept() -> bool:
            async with pool.connection() as connection:
                rows = await connection.fetch("SELECT log_id FROM raw_contents WHERE key_id = 'a'")
            return {one["log_id"] for one in rows} == {ids[-1]}

        await eventually(swept, seconds=20)
    finally:
        await retention.stop()


async def test_everything_that_opens_is_sealed_anew_under_the_newest_key(pool: Pool) -> None:
    values = [json.loads(content_keys(name))[0] for name in ("new", "old", "gone")]
    new, old, gone = (Keyring.parse(SecretStr(json.dumps(some))) for some in (values[:2], values[1:], values[2:]))
    ids = [new_message_id() for _ in range(45)]
    summarizer = service(pool, old)
    for log_id in ids:
        await summarizer.summarize(ours(log_id, old, f"{log_id} {LOG}"))
    lost, broken, fresh = new_message_id(), new_message_id(), new_message_id()
    await summarizer.summarize(ours(lost, gone))
    await summarizer.summarize(ours(broken, old))
    await summarizer.summarize(ours(fresh, new))
    async with pool.connection() as connection:
        await connection.execute("UPDATE raw_contents SET sealed = sealed || '\\x00' WHERE log_id = $1", broken)
    untouched = await kept(pool, fresh)

    outcome = await reseal(pool, RAW, new)
    assert (outcome.resealed, outcome.unknown_keys, outcome.not_openable, outcome.left) == (45, {"gone": 1}, 1, 2)
    only_new = Keyring.parse(SecretStr(json.dumps(values[:1])))
    for log_id in ids:
        sealed = await kept(pool, log_id)
        assert sealed is not None
        assert key_id(sealed) == "new"
        assert only_new.open(sealed, about=log_id) == f"{log_id} {LOG}"
    assert await kept(pool, fresh) == untouched
    assert (await reseal(pool, RAW, new)).resealed == 0


async def test_the_command_says_counts_and_ends_with_1_where_some_are_left(
    pool: Pool, service_database_urls: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = keyring("old"), keyring("new")
    await service(pool, old).summarize(ours(new_message_id(), old))
    capsys.readouterr()
    assert await asyncio.to_thread(run, service_database_urls["summarizer"], new, as_json=True) == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {"newest": "new", "resealed": 0, "unknown_keys": {"old": 1}, "not_openable": 0}
    assert "'old'" in told.err
    assert await asyncio.to_thread(run, service_database_urls["summarizer"], old, as_json=False) == 0
    assert await asyncio.to_thread(run, "postgresql://x:hunter2@127.0.0.1:1/x", old, as_json=False) == 1
    assert "hunter2" not in capsys.readouterr().err
    assert await asyncio.to_thread(run, service_database_urls["triage"], old, as_json=False) == 1
    assert 'relation "raw_contents" does not exist' in capsys.readouterr().err
