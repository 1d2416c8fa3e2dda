"""The audit log of the gateway: refusals that cannot flood it, readings on record, and how it is kept short."""

import asyncio
from functools import partial
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_common.retention import Retention
from aiops_gateway.domain.access import PrincipalKind, Role, Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import acceptance, audit
from aiops_gateway.repository.audit import Condition, Record
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.audit_log import AuditLog
from support.eventually import eventually

ADMIN = Viewer(uuid4(), Role.ADMIN)
ALL = PageRequest.of(100, None, None, None)
ADDRESS = "203.0.113.7"


async def records(pool: Pool) -> list[Record]:
    async with pool.connection() as connection:
        return (await audit.JOURNAL.page(connection, ALL, Condition().terms()))[0]


async def fill(pool: Pool, count: int, *, days_old: int) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO audit_log (id, at, principal, action, outcome, details) SELECT gen_random_uuid(), "
            "now() - make_interval(days => $2), 'system', 'a.b', 'OK', '{}' FROM generate_series(1, $1::int)",
            count, days_old,
        )  # fmt: skip


def retention(pool: Pool, *, days: int, sweep_seconds: float = 3600.0) -> Retention:
    return Retention(
        pool, "audit_log", partial(audit.JOURNAL.delete_old, older_than_days=days), sweep_seconds=sweep_seconds
    )


async def test_a_hundred_refusals_are_one_row_for_each_principal_and_operation(pool: Pool) -> None:
    # Two gateways, so that what one remembers does not decide; the minute may turn once amid it.
    somebody, machine = Viewer(uuid4(), Role.VIEWER), Viewer(uuid4(), Role.ADMIN, PrincipalKind.API_KEY)
    audits = [Audit(pool), Audit(pool)]
    with capture_logs() as lines:
        await asyncio.gather(
            *(
                audits[number % 2].refuse(viewer, action, ADDRESS)
                for number in range(100)
                for viewer in (somebody, machine)
                for action in ("createApiKey", "auditLog")
            )
        )
    found = await records(pool)
    assert {(one.principal, one.action, one.outcome, one.address) for one in found} == {
        (viewer.principal, action, "FORBIDDEN", ADDRESS)
        for viewer in (somebody, machine)
        for action in ("createApiKey", "auditLog")
    }
    assert 4 <= len(found) <= 8
    assert 8 <= len(lines) <= 16


async def test_a_refusal_that_cannot_be_kept_is_refused_all_the_same() -> None:
    nowhere = Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.5)
    with capture_logs() as lines:
        await Audit(nowhere).refuse(ADMIN, "createApiKey", None)
    told = [line["event"] for line in lines if line["event"].startswith("audit")]
    assert told == ["audit", "audit.refusal_not_kept"]


async def test_credentials_that_are_not_valid_are_one_row_for_each_network_and_minute(pool: Pool) -> None:
    audits = [Audit(pool), Audit(pool)]
    await asyncio.gather(
        *(
            audits[number % 2].refuse_credential(address)
            for number in range(50)
            for address in ("198.51.100.1", f"2001:db8::{number}", None)
        )
    )
    found = [one for one in await records(pool) if one.action == "authenticate"]
    assert {(one.principal, one.outcome) for one in found} == {("anonymous", "UNAUTHENTICATED")}
    assert 3 <= len(found) <= 6


async def test_who_reads_the_log_stands_in_it_behind_what_they_read(pool: Pool) -> None:
    await fill(pool, 3, days_old=1)
    log = AuditLog(pool)
    condition = Condition(outcome="OK", subject=None)
    rows, more = await log.page(ADMIN, PageRequest.of(2, None, None, None), condition, ADDRESS)
    assert ([row.action for row in rows], more) == (["a.b", "a.b"], True)
    newest = (await records(pool))[0]
    assert (newest.principal, newest.action, newest.outcome, newest.address) == (
        ADMIN.principal, "auditLog", "READ", ADDRESS,
    )  # fmt: skip
    assert newest.details == {"rows": 2, "first": 2, "of_outcome": "OK"}
    assert await log.count(Condition(action="auditLog")) == 1


async def test_nobody_reads_what_cannot_be_recorded(pool: Pool) -> None:
    nowhere = Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.5)
    with pytest.raises(DatabaseUnavailable):
        await AuditLog(nowhere).page(ADMIN, ALL, Condition(), None)


async def test_rows_of_processes_of_the_version_before_are_shown(pool: Pool) -> None:
    actor = uuid4()
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO audit_log (id, actor, action, details) VALUES "
            "($1, $2, 'replayDeadLetters', '{\"outcome\": \"REPLAYED\"}')",
            uuid4(), actor,
        )  # fmt: skip
    (record,) = await records(pool)
    assert (record.principal, record.outcome) == (f"user:{actor}", "REPLAYED")


async def test_what_is_too_old_goes_in_steps_and_the_rest_stays(pool: Pool) -> None:
    await fill(pool, 2_500, days_old=8)
    await fill(pool, 5, days_old=6)
    assert await retention(pool, days=7).sweep() == 2_500
    assert len(await records(pool)) == 5
    assert await retention(pool, days=7).sweep() == 0


async def test_the_sweep_runs_in_the_background_and_survives_an_outage(pool: Pool) -> None:
    await fill(pool, 10, days_old=2)
    nowhere = Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.2)
    with capture_logs() as lines:
        away = retention(nowhere, days=1, sweep_seconds=0.01)
        await away.start()

        async def tried_twice() -> bool:
            return [line["event"] for line in lines].count("retention.not_swept") >= 2

        await eventually(tried_twice)
        await away.stop()
    present = retention(pool, days=1)
    await present.start()

    async def swept() -> bool:
        return not await records(pool)

    await eventually(swept)
    await present.stop()


async def test_idempotency_keys_are_forgotten_in_time(pool: Pool) -> None:
    old, new = uuid4(), uuid4()
    async with pool.connection() as connection:
        await connection.execute(
            "INSERT INTO idempotency_keys (message_id, digest, created_at) VALUES "
            "($1, 'd', now() - interval '91 days'), ($2, 'd', now() - interval '89 days')",
            old, new,
        )  # fmt: skip
    await Retention(pool, "idempotency_keys", partial(acceptance.delete_old, older_than_days=90)).sweep()
    async with pool.connection() as connection:
        assert set(await acceptance.digests(connection, [old, new])) == {new}
