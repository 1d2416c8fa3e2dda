"""The audit log on a real database, and that whether an address is known cannot be told from what the database does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from aiops_auth.passwords import Passwords
from aiops_common.postgres import Connection, Pool
from integration.auth.running import PASSWORD, Running, new_email, now, on, running

WRONG = "a wrong long sentence"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE security_events SET outcome = 'OK'",
        "UPDATE security_events SET details = '{}' WHERE false",
        "DELETE FROM security_events",
        "TRUNCATE security_events",
        "MERGE INTO security_events USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    ],
)
async def test_the_service_itself_cannot_change_what_was_recorded(auth_pool: Pool, statement: str) -> None:
    auth = await running(auth_pool)
    await auth.sign_up(new_email())
    async with auth_pool.connection() as connection:
        before = await connection.fetch("SELECT * FROM security_events ORDER BY id")
        assert before
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
        assert await connection.fetch("SELECT * FROM security_events ORDER BY id") == before


async def test_a_record_is_written_and_announced_with_its_effect_or_not_at_all(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    made = await auth.sign_up(new_email())
    async with auth_pool.connection() as connection:
        rows = await connection.fetch("SELECT * FROM security_events WHERE subject = $1", made.user_id)
        announced = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'auth.security_event_recorded.v1' "
            "AND convert_from(body, 'UTF8')::jsonb #>> '{data,event,id}' = $1",
            str(rows[0]["id"]),
        )
    assert [(row["action"], row["outcome"], row["actor"]) for row in rows] == [
        ("account.signed_up", "OK", f"user:{made.user_id}")
    ]
    assert announced == 1
    with pytest.raises(asyncpg.DivisionByZeroError):
        await _recorded_in_vain(auth, made.user_id)
    async with auth_pool.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM security_events WHERE subject = $1", made.user_id) == 1


async def _recorded_in_vain(auth: Running, subject: UUID) -> None:
    async with auth.means.transactions() as connection:
        await auth.means.events.record(connection, "account.removed", "OK", "system", subject)
        await connection.execute("SELECT 1 / 0")


async def statements_of_a_log_in(pool: Pool, email: str, password: str, at: datetime) -> list[str]:
    """Every statement that a log-in runs, in order; ``at`` is the time."""
    seen: list[str] = []

    def note(record: Any) -> None:
        seen.append(record.query)

    @asynccontextmanager
    async def noted() -> AsyncIterator[Connection]:
        async with pool.transaction() as connection:
            with connection.query_logger(note):
                yield connection

    auth = on(noted)
    # Of some things the first in a minute is recorded: those who are compared must come in the same one.
    means = replace(auth.means, clock=lambda: at, events=replace(auth.means.events, clock=lambda: at))
    assert (await replace(auth, means=means).log_in(email, password)).outcome != "OK"
    return seen


async def test_an_unknown_address_and_a_wrong_password_run_the_same_statements(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    known, unknown = new_email(), new_email()
    await auth.sign_up(known)
    at = now()
    for attempt in range(7):  # the fifth failure locks; the sixth and the seventh are refused for it
        one = await statements_of_a_log_in(auth_pool, known, WRONG, at)
        other = await statements_of_a_log_in(auth_pool, unknown, WRONG, at)
        assert one == other, f"attempt {attempt}"
        assert any("security_events" in statement for statement in one)


async def test_a_locked_address_is_not_told_apart_either(auth_pool: Pool) -> None:
    auth = await running(auth_pool)
    known, unknown = new_email(), new_email()
    await auth.sign_up(known)
    for _ in range(5):
        await auth.log_in(known, WRONG)
        await auth.log_in(unknown, WRONG)
    replies = [(await auth.log_in(email)).reply.model_dump(exclude={"message"}) for email in (known, unknown)]
    assert replies[0] == replies[1]
    assert replies[0]["outcome"] == "ACCOUNT_LOCKED"
    at = now()
    assert await statements_of_a_log_in(auth_pool, known, PASSWORD, at) == await statements_of_a_log_in(
        auth_pool, unknown, PASSWORD, at
    )


async def test_of_attempts_on_a_locked_address_at_the_same_time_one_is_recorded(auth_pool: Pool) -> None:
    auth, at, email = await running(auth_pool), now(), new_email()
    auth = replace(
        auth, means=replace(auth.means, clock=lambda: at, events=replace(auth.means.events, clock=lambda: at))
    )
    for _ in range(5):
        await auth.log_in(email, WRONG)
    before = await _recorded(auth_pool)
    answers = await asyncio.gather(*(auth.log_in(email, WRONG) for _ in range(30)))
    assert {answer.outcome for answer in answers} == {"ACCOUNT_LOCKED"}
    assert await _recorded(auth_pool) == tuple(count + 1 for count in before), "written and announced once"


async def _recorded(pool: Pool) -> tuple[int, int]:
    async with pool.connection() as connection:
        written = await connection.fetchval("SELECT count(*) FROM security_events")
        told = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE routing_key = 'auth.security_event_recorded.v1'"
        )
    return written, told


async def test_known_and_unknown_addresses_are_refused_in_times_that_are_printed(auth_pool: Pool) -> None:
    # Printed and not asserted: what can be asserted is above, that the same work is done.
    auth = await running(auth_pool)
    real = Passwords(memory_kib=8 * 1024, time_cost=3, parallelism=1, concurrency=1)
    auth = replace(auth, means=replace(auth.means, passwords=real))
    seconds: dict[str, list[float]] = {"known": [], "unknown": []}
    for _ in range(30):
        known = new_email()
        await auth.sign_up(known)
        for name, email in (("known", known), ("unknown", new_email())):
            started = perf_counter()
            assert (await auth.log_in(email, WRONG)).outcome == "BAD_CREDENTIALS"
            seconds[name].append(perf_counter() - started)
    real.close()
    known_ms, unknown_ms = (median(seconds[name]) * 1000 for name in ("known", "unknown"))
    print(f"\nknown {known_ms:.1f} ms, unknown {unknown_ms:.1f} ms, ratio {known_ms / unknown_ms:.3f}")  # noqa: T201
