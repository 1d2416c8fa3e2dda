"""The database of a backup: who may write and restore one, what is refused, and that nothing is left behind then."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from deploy.backup import database
from deploy.backup.database import BackupFailed

from aiops_common.postgres import provision
from aiops_common.postgres.append_only import OWNER
from aiops_common.postgres.provision import Roles
from support.servers import ROOT

ROLES = Roles(roles=("backed_up_a", "backed_up_b"))
SCHEMAS = list(ROLES.roles)


@pytest.fixture
def filled(postgres_admin_url: str) -> Iterator[str]:
    """A database with a table in the first of the two schemas."""
    provision.provision(ROLES, postgres_admin_url, dict.fromkeys(ROLES.roles, "password"))
    with psycopg.connect(postgres_admin_url) as connection:
        connection.execute("CREATE TABLE backed_up_a.things (number int GENERATED ALWAYS AS IDENTITY, name text)")
        connection.execute("INSERT INTO backed_up_a.things (name) SELECT 'thing ' || n FROM generate_series(1, 9) AS n")
    yield postgres_admin_url
    with psycopg.connect(postgres_admin_url) as connection:
        for role in ROLES.roles:
            connection.execute(f"DROP OWNED BY {role} CASCADE")
            connection.execute(f"DROP ROLE {role}")


def emptied(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE backed_up_a.things")


def names(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM backed_up_a.things ORDER BY number")]


def test_rows_and_the_place_of_the_sequence_come_back(filled: str, tmp_path: Path) -> None:
    contents = database.dump(filled, SCHEMAS, tmp_path / "dump")
    before = names(filled)
    emptied(filled)
    database.restore(filled, SCHEMAS, tmp_path / "dump", contents)
    with psycopg.connect(filled) as connection:
        connection.execute("INSERT INTO backed_up_a.things (name) VALUES ('the next')")
        assert connection.execute("SELECT max(number) FROM backed_up_a.things").fetchone() == (10,)
    assert names(filled) == [*before, "the next"]


def test_whoever_may_provision_may_back_up_and_restore(postgres_admin_url: str, tmp_path: Path) -> None:
    """No superuser; the history belongs to a role of its own afterwards as it did before."""
    roles = Roles(roles=("lesser_b",), append_only={"lesser_b": ("changes",)})
    schemas = ["lesser_b", "lesser_b_history"]
    with psycopg.connect(postgres_admin_url) as superuser:
        superuser.execute("DROP ROLE IF EXISTS lesser_admin; CREATE ROLE lesser_admin LOGIN CREATEROLE PASSWORD 'x'")
        name = superuser.info.dbname
        superuser.execute(f'ALTER DATABASE "{name}" OWNER TO lesser_admin')
    lesser = psycopg.conninfo.make_conninfo(postgres_admin_url, user="lesser_admin", password="x")
    try:
        provision.provision(roles, lesser, {"lesser_b": "b"})
        with psycopg.connect(postgres_admin_url, user="lesser_b", password="b") as b:
            b.execute("CREATE TABLE changes (number int, what text); CREATE TABLE things (name text)")
            b.execute("INSERT INTO changes VALUES (1, 'first'); INSERT INTO things VALUES ('one')")
        provision.protect(roles, lesser)
        contents = database.dump(lesser, schemas, tmp_path / "dump")
        with psycopg.connect(postgres_admin_url) as superuser:
            superuser.execute("DROP TABLE lesser_b.things, lesser_b_history.changes")
        database.restore(lesser, schemas, tmp_path / "dump", contents)
        assert provision.protect(roles, lesser).taken == ()
        with psycopg.connect(postgres_admin_url, user="lesser_b", password="b") as b:
            b.execute("INSERT INTO changes VALUES (2, 'second'); DELETE FROM things")
            assert b.execute("SELECT count(*) FROM changes").fetchone() == (2,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                b.execute("DELETE FROM changes")
    finally:
        with psycopg.connect(postgres_admin_url) as superuser:
            superuser.execute(f'ALTER DATABASE "{name}" OWNER TO CURRENT_USER; DROP OWNED BY lesser_b CASCADE')
            superuser.execute(f"REVOKE {OWNER} FROM lesser_admin; DROP OWNED BY lesser_admin CASCADE")
            superuser.execute("DROP ROLE lesser_b, lesser_admin")


def test_a_database_that_is_not_empty_stays_as_it_is(filled: str, tmp_path: Path) -> None:
    contents = database.dump(filled, SCHEMAS, tmp_path / "dump")
    with psycopg.connect(filled) as connection:
        connection.execute("UPDATE backed_up_a.things SET name = 'newer'")
    with pytest.raises(BackupFailed, match="has tables in backed_up_a already, and nothing was changed"):
        database.restore(filled, SCHEMAS, tmp_path / "dump", contents)
    assert set(names(filled)) == {"newer"}


def test_a_database_that_was_not_provisioned_is_told(postgres_admin_url: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match=r"has no schema backed_up_a, backed_up_b: run `python -m aiops_common"):
        database.dump(postgres_admin_url, SCHEMAS, tmp_path / "dump")
    assert not (tmp_path / "dump").exists()


def test_a_dump_that_is_cut_short_leaves_an_empty_database(filled: str, tmp_path: Path) -> None:
    contents = database.dump(filled, SCHEMAS, tmp_path / "dump")
    emptied(filled)
    whole = (tmp_path / "dump").read_bytes()
    (tmp_path / "dump").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupFailed, match="pg_restore ended with"):
        database.restore(filled, SCHEMAS, tmp_path / "dump", contents)
    with psycopg.connect(filled) as connection:
        assert connection.execute("SELECT to_regclass('backed_up_a.things')").fetchone() == (None,)


def test_a_table_that_comes_back_otherwise_is_named(filled: str, tmp_path: Path) -> None:
    contents = database.dump(filled, SCHEMAS, tmp_path / "of then")
    with psycopg.connect(filled) as connection:
        connection.execute("UPDATE backed_up_a.things SET name = 'another' WHERE number = 5")
    database.dump(filled, SCHEMAS, tmp_path / "of now")
    emptied(filled)
    with pytest.raises(BackupFailed, match=r"backed_up_a\.things should have 9 rows of fingerprint .* and has 9 rows"):
        database.restore(filled, SCHEMAS, tmp_path / "of now", contents)


def run(servers: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.backup", *arguments],
        env={**os.environ, **servers}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_database_alone_needs_no_broker(filled: str, tmp_path: Path) -> None:
    """Where the broker's definitions stand in files of the cluster."""
    roles = tmp_path / "roles.yaml"
    roles.write_text(json.dumps({"roles": SCHEMAS}), encoding="utf-8")
    options = (str(tmp_path / "new"), "--roles", str(roles), "--only", "database")
    servers = {"POSTGRES_ADMIN_URL": filled, "RABBITMQ_MANAGEMENT_URL": ""}
    created = run(servers, "create", *options)
    assert (created.returncode, created.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["database.dump", "manifest.json"]
    before = names(filled)
    emptied(filled)
    restored = run(servers, "restore", *options)
    assert (restored.returncode, restored.stderr) == (0, "")
    assert names(filled) == before


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "told"),
    [
        (("create", "new"), {"POSTGRES_ADMIN_URL": ""}, 2, "set POSTGRES_ADMIN_URL"),
        (("create", "there"), {}, 1, "there exists already, and nothing was changed"),
        (("create", "new"), {}, 1, "the management API at 127.0.0.1:1"),
        (("create", "new", "--only", "broker"), {"POSTGRES_ADMIN_URL": ""}, 1, "the management API at 127.0.0.1:1"),
        (("restore", "nowhere"), {}, 1, "nowhere/manifest.json"),
    ],
)  # fmt: skip
def test_a_command_says_what_is_wrong_and_leaves_nothing_behind(
    filled: str, tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], code: int, told: str
) -> None:
    roles = tmp_path / "roles.yaml"
    roles.write_text(json.dumps({"roles": SCHEMAS}), encoding="utf-8")
    (tmp_path / "there").mkdir()
    command, folder, *options = arguments
    servers = {"POSTGRES_ADMIN_URL": filled, "RABBITMQ_MANAGEMENT_URL": "http://a:b@127.0.0.1:1"}
    ended = run({**servers, **variables}, command, str(tmp_path / folder), "--roles", str(roles), *options)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert told in ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["roles.yaml", "there"]
