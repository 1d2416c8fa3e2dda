"""Migrations with somebody in the way: another job, who reads for an hour, a deadlock, and a job that is killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from aiops_common.postgres import Pool, migrate, migration_session, revisions
from aiops_common.postgres.releases import SESSIONS, release, releases, with_release
from support.lone_gateway import free_port, lone_gateway
from support.migrated_package import AFTER_CONTRACT, CONTRACT, PACKAGE, url_as, write

INDEX = {
    "expand/0003_index.py": """
        \"\"\"An index that is built beside writers.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "e3", "e2", None, None
        def upgrade():
            with op.get_context().autocommit_block():
                op.execute("DROP INDEX CONCURRENTLY IF EXISTS things_old")
                op.execute("CREATE INDEX CONCURRENTLY things_old ON things (old)")
    """,
}
CROSSING = {
    "expand/0003_crossing.py": """
        \"\"\"Changes one table, and after a word from outside another one.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "e3", "e2", None, None
        def upgrade():
            op.execute("ALTER TABLE things ADD COLUMN more text")
            op.execute("SELECT pg_advisory_xact_lock(1)")
            op.execute("ALTER TABLE outbox ADD COLUMN more text")
    """,
}
SLOW = {
    "expand/0003_slow.py": """
        \"\"\"Takes an hour.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "e3", "e2", None, None
        def upgrade():
            op.execute("CREATE TABLE half (id int)")
            op.execute("SELECT pg_sleep(3600)")
    """,
}
DOWNGRADE = """
        def downgrade():
            op.execute("ALTER TABLE things DROP COLUMN more")
"""
FAST = {name: source.replace("3600", "0") for name, source in SLOW.items()}


WAITING = """
usename = 'migrated_a' AND (wait_event = 'advisory'
    OR query = 'COMMIT' AND state = 'idle' AND state_change > backend_start + interval '0.6 s')
"""
"""A job that waits for another one, or that has just asked whether that is done."""

INVALID = "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid"


@pytest.fixture
def url(provisioned: str, package: Path) -> str:
    """A schema in which everything is applied that the package has so far."""
    address = url_as(provisioned, "migrated_a")
    assert migrate.migrate(address, "migrated_a", PACKAGE) == ["e1", "e2"]
    return address


def until(admin_url: str, condition: str) -> None:
    """Wait until there is such a session."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        deadline = time.monotonic() + 30
        while not _count(admin, condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)


def end_sleepers(admin_url: str) -> None:
    """End the sessions that are amid ``SLOW``."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")


def _count(admin: psycopg.Connection, condition: str) -> int:
    row = admin.execute(f"SELECT count(*) FROM pg_stat_activity WHERE {condition}").fetchone()
    assert row is not None
    return int(row[0])


def test_a_second_job_waits_while_the_first_builds_an_index_beside_writers(
    url: str, package: Path, provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_session, "LOCK_TIMEOUT", "60s")
    write(package, INDEX)
    with psycopg.connect(url) as writer, ThreadPoolExecutor(2) as pool:
        writer.execute("UPDATE things SET old = 'held'")  # the index waits for this transaction
        first = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE)
        until(provisioned, "query LIKE 'CREATE INDEX%'")
        second = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE)
        until(provisioned, WAITING)
        writer.commit()
        assert first.result(timeout=60) == ["e3"]
        assert second.result(timeout=60) == []


@contextmanager
def crossed(url: str, package: Path, admin_url: str) -> Iterator[tuple[Future[list[str]], psycopg.Connection]]:
    """A job that ``CROSSING`` has brought into a deadlock with a transaction, which goes on; both, until they end.

    Of the two only the job looks for deadlocks, so it is the one whom PostgreSQL ends.
    """
    write(package, CROSSING)
    with (
        ThreadPoolExecutor(2) as pool,
        psycopg.connect(admin_url, options="-c deadlock_timeout=10min -c search_path=migrated_a") as traffic,
        psycopg.connect(admin_url) as gate,
    ):
        gate.execute("SELECT pg_advisory_xact_lock(1)")
        traffic.execute("LOCK TABLE outbox")
        job = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE)
        until(admin_url, "usename = 'migrated_a' AND wait_event = 'advisory'")
        crossing = pool.submit(traffic.execute, "LOCK TABLE things")
        until(admin_url, "query = 'LOCK TABLE things' AND wait_event_type = 'Lock'")
        gate.commit()
        crossing.result(timeout=60)
        yield job, traffic


def test_after_a_deadlock_with_traffic_a_revision_is_tried_again(
    url: str, package: Path, provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_session, "LOCK_TIMEOUT", "60s")
    with capture_logs() as lines, crossed(url, package, provisioned) as (job, traffic):
        traffic.commit()
        assert job.result(timeout=60) == ["e3"]
    assert [line["event"] for line in lines] == ["stamina.retry_scheduled"]
    assert "deadlock detected" in lines[0]["caused_by"]


def test_deadlocks_without_end_are_told(
    url: str, package: Path, provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_session, "LOCK_TIMEOUT", "60s")
    monkeypatch.setattr(migrate, "ATTEMPTS", 1)
    with crossed(url, package, provisioned) as (job, _), pytest.raises(revisions.MigrationFailed) as told:
        job.result(timeout=60)
    assert str(told.value) == (
        "migrated_a: the migration and another session waited for each other's tables (deadlock), 1 times; look for "
        "long transactions in pg_stat_activity and run it again; done so far: nothing"
    )


def test_what_a_failed_attempt_leaves_of_an_index_is_replaced(
    url: str, package: Path, provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_session, "LOCK_TIMEOUT", "1s")
    write(package, INDEX)
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as writer:
        writer.execute("UPDATE things SET old = 'held'")  # the index waits for this transaction, not for long enough
        job = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE)
        until(provisioned, f"query LIKE 'DROP INDEX%' AND EXISTS ({INVALID})")
        writer.commit()
        assert job.result(timeout=60) == ["e3"]
    with psycopg.connect(url) as connection:
        assert connection.execute(INVALID).fetchall() == []


def test_where_nothing_is_to_be_done_nobody_is_waited_for(
    url: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migration_session, "LOCK_TIMEOUT", "100ms")
    with psycopg.connect(url) as backup:
        backup.execute("SELECT * FROM migration_versions, things")  # as pg_dump holds all tables until it ends
        assert migrate.migrate(url, "migrated_a", PACKAGE) == []
        write(package, FAST)
        assert migrate.migrate(url, "migrated_a", PACKAGE) == ["e3"]


def test_who_waits_for_another_job_for_too_long_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_session, "OTHER_JOB_SECONDS", 0.0)
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_lock(%s, hashtext('migrated_a'))", [migration_session.LOCK_NAMESPACE])
        with pytest.raises(revisions.MigrationFailed, match="another job has been migrating migrated_a"):
            migrate.migrate(url, "migrated_a", PACKAGE)


def test_a_server_that_is_away_is_said_in_words() -> None:
    with pytest.raises(revisions.MigrationFailed, match=r"migrated_a: PostgreSQL cannot be reached: .*refused") as told:
        migrate.migrate(f"postgresql://somebody:hidden@127.0.0.1:{free_port()}/none", "migrated_a", "aiops_triage")
    assert "hidden" not in str(told.value)


def test_a_session_that_is_lost_amid_a_revision_is_said_in_words(url: str, package: Path, provisioned: str) -> None:
    write(package, SLOW)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE)
        until(provisioned, "query LIKE 'SELECT pg_sleep%'")
        end_sleepers(provisioned)
        with pytest.raises(revisions.MigrationFailed, match="migrated_a: terminating connection"):
            job.result(timeout=30)


def test_a_session_that_is_lost_while_it_waits_for_another_job_is_said_in_words(url: str, provisioned: str) -> None:
    with psycopg.connect(url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT pg_advisory_lock(%s, hashtext('migrated_a'))", [migration_session.LOCK_NAMESPACE])
        job = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE)
        until(provisioned, WAITING)
        with psycopg.connect(provisioned, autocommit=True) as admin:
            waiting = "application_name = 'aiops-migrated_a-migrate'"
            admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {waiting}")
        with pytest.raises(revisions.MigrationFailed, match="migrated_a: terminating connection"):
            job.result(timeout=30)


def test_after_a_job_was_killed_the_next_one_does_its_work(
    url: str, package: Path, provisioned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(package, SLOW)
    call = f"from aiops_common.postgres.migrate import migrate; migrate({url!r}, 'migrated_a', {PACKAGE!r})"
    killed = subprocess.Popen([sys.executable, "-c", call], env={**os.environ, "PYTHONPATH": str(package)})
    try:
        until(provisioned, "query LIKE 'SELECT pg_sleep%'")
    finally:
        killed.kill()
        killed.wait()
    write(package, FAST)
    monkeypatch.setattr(migration_session, "OTHER_JOB_SECONDS", 60.0)
    try:
        assert migrate.migrate(url, "migrated_a", PACKAGE) == ["e3"]
    finally:  # what the server still did would keep the schema from being dropped
        end_sleepers(provisioned)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM half").fetchone() == (0,)


def process(url: str) -> psycopg.Connection:
    """A session of a process of the release that the package is at this moment."""
    return psycopg.connect(with_release(url, "migrated", PACKAGE))


def test_nothing_is_taken_away_from_a_release_that_still_runs(url: str, package: Path) -> None:
    with process(url), process(url):
        write(package, {**CONTRACT, **AFTER_CONTRACT})
        assert migrate.migrate(url, "migrated_a", PACKAGE) == ["e3"]
        with process(url), pytest.raises(revisions.MigrationFailed) as told:
            migrate.migrate(url, "migrated_a", PACKAGE, "contract")
    assert str(told.value).startswith(
        "2 processes still work on migrated_a whose release needs what this takes away (it knows expand 0002 and "
        "contract 0000): end them"
    )
    with process(url):
        assert migrate.migrate(url, "migrated_a", PACKAGE, "contract") == ["c1"]
        assert migrate.migrate(url, "migrated_a", PACKAGE, "contract") == []


def test_what_a_process_needs_is_not_undone(url: str, package: Path) -> None:
    write(package, {"expand/0003_more.py": AFTER_CONTRACT["expand/0003_more.py"] + DOWNGRADE})
    with process(url):
        assert migrate.migrate(url, "migrated_a", PACKAGE) == ["e3"]
        with pytest.raises(revisions.MigrationFailed, match="1 processes still work on migrated_a"):
            migrate.undo(url, "migrated_a", PACKAGE, "expand", "e3")
    assert migrate.undo(url, "migrated_a", PACKAGE, "expand", "e3") == ["e3"]
    assert migrate.undo(url, "migrated_a", PACKAGE, "expand", "e3") == []


async def test_a_process_that_serves_says_which_migrations_it_knows(
    pools: dict[str, Pool], service_database_urls: dict[str, str]
) -> None:
    url = service_database_urls["gateway"]
    async with lone_gateway(pools["gateway"], url), pools["gateway"].connection() as connection:
        found = releases(row["application_name"] for row in await connection.fetch(SESSIONS))
    assert found == [release("aiops_gateway")]
    assert found[0].expand == int(revisions.needs("aiops_gateway").expand.removeprefix("gateway_"))
