"""Roles, schemas and migrations against a real PostgreSQL; ``postgres_admin_url`` names a database of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from aiops_common.postgres import migrate, migration_session, provision, revisions
from aiops_common.postgres.schema_version import Needs
from support.migrated_package import AFTER_CONTRACT, CONTRACT, PACKAGE, PASSWORDS, ROLES, url_as, write

BROKEN = {
    "expand/0003_broken.py": """
        \"\"\"Fails after its first statement.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "e3", "e2", None, None
        def upgrade():
            op.execute("CREATE TABLE half (id int)")
            op.execute("SELECT 1/0")
    """,
}


def test_a_role_uses_its_own_schema_and_cannot_read_another(provisioned: str) -> None:
    with psycopg.connect(url_as(provisioned, "migrated_a")) as a:
        a.execute("CREATE TABLE secret (x int)")
    with psycopg.connect(provisioned, autocommit=True) as admin:
        # what somebody might have done by hand
        admin.execute("GRANT USAGE ON SCHEMA migrated_a TO migrated_b")
        admin.execute("GRANT SELECT ON migrated_a.secret TO migrated_b")
        admin.execute("GRANT migrated_a, pg_read_all_data TO migrated_b")
    provision.provision(ROLES, provisioned, PASSWORDS)
    with psycopg.connect(url_as(provisioned, "migrated_b"), autocommit=True) as b:
        assert b.execute("SHOW search_path").fetchone() == ("migrated_b",)
        assert b.execute("SHOW statement_timeout").fetchone() == ("30s",)
        for refused in (
            "SELECT * FROM migrated_a.secret",
            "SET ROLE migrated_a",
            "CREATE TABLE public.mine (x int)",
            "CREATE SCHEMA mine",
            "CREATE TEMPORARY TABLE mine (x int)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                b.execute(refused)


def test_provisioning_again_creates_nothing_and_sets_the_new_password(provisioned: str) -> None:
    again = provision.provision(ROLES, provisioned, PASSWORDS | {"migrated_b": "changed"})
    assert (again.created_roles, again.created_schemas) == ((), ())
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url_as(provisioned, "migrated_b"))


def test_migrations_are_applied_once_and_recorded(provisioned: str, package: Path) -> None:
    url = url_as(provisioned, "migrated_a")
    assert revisions.needs(PACKAGE) == Needs(PACKAGE, "e2", frozenset())
    assert migrate.pending(url, "migrated_a", PACKAGE) == ["e1", "e2"]
    assert migrate.migrate(url, "migrated_a", PACKAGE, "contract") == []
    assert migrate.migrate(url, "migrated_a", PACKAGE) == ["e1", "e2"]
    assert migrate.migrate(url, "migrated_a", PACKAGE) == []
    write(package, CONTRACT)
    assert migrate.pending(url, "migrated_a", PACKAGE, "contract") == ["c1"]
    assert migrate.migrate(url, "migrated_a", PACKAGE, "contract") == ["c1"]
    assert migrate.migrate(url, "migrated_a", PACKAGE) == []
    write(package, AFTER_CONTRACT)
    assert migrate.migrate(url, "migrated_a", PACKAGE) == ["e3"]
    assert set(migrate.current_heads(url, "migrated_a")) == {"c1", "e3"}
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT revision, phase, description FROM migration_versions ORDER BY applied_at")
        assert rows.fetchall() == [
            ("e1", "expand", "Things and plumbing."),
            ("e2", "expand", "A new column."),
            ("c1", "contract", "The old column goes."),
            ("e3", "expand", "More."),
        ]
        assert connection.execute("SELECT * FROM things").fetchall() == [(1, None, None)]
        assert connection.execute("SELECT count(*) FROM outbox, inbox").fetchone() == (0,)


def test_a_failing_migration_leaves_nothing_of_itself(provisioned: str, package: Path) -> None:
    url = url_as(provisioned, "migrated_a")
    write(package, BROKEN)
    with pytest.raises(revisions.MigrationFailed, match=r"migrated_a: division by zero; done so far: .'e1', 'e2'"):
        migrate.migrate(url, "migrated_a", PACKAGE)
    assert migrate.pending(url, "migrated_a", PACKAGE) == ["e3"]
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT to_regclass('half'), count(*) FROM migration_versions").fetchone()
        assert row == (None, 2)


def test_concurrent_migrations_apply_each_revision_once(provisioned: str, package: Path) -> None:
    url = url_as(provisioned, "migrated_a")
    barrier = threading.Barrier(2)

    def run() -> list[str]:
        barrier.wait()
        return migrate.migrate(url, "migrated_a", PACKAGE)

    with ThreadPoolExecutor(2) as pool:
        outcomes = [future.result() for future in [pool.submit(run) for _ in range(2)]]
    assert sorted(outcomes) == [[], ["e1", "e2"]]


def test_a_locked_table_is_waited_for(provisioned: str, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = url_as(provisioned, "migrated_a")
    migrate.migrate(url, "migrated_a", PACKAGE)
    write(package, CONTRACT)
    monkeypatch.setattr(migration_session, "LOCK_TIMEOUT", "100ms")
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM things")
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(migrate.migrate, url, "migrated_a", PACKAGE, "contract")
            with pytest.raises(TimeoutError):
                future.result(timeout=0.5)
            reader.commit()
            assert future.result(timeout=30) == ["c1"]


def test_a_missing_schema_is_named(provisioned: str, package: Path) -> None:
    with pytest.raises(revisions.MigrationFailed, match="no schema nowhere"):
        migrate.migrate(url_as(provisioned, "migrated_a"), "nowhere", PACKAGE)
