"""The database of a backup: one dump of all schemas as of one moment, and what it must be again once it is restored."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

# A row as text must not depend on the server that it stands on.
_TEXT = {"timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "bytea_output": "hex"}

# The sum does not depend on the order of the rows, and needs no memory for them.
_FINGERPRINT = """
SELECT count(*), coalesce(sum(('x' || left(md5(whole_row::text), 16))::bit(64)::bigint::numeric), 0)::text
FROM {} AS whole_row
"""


class BackupFailed(Exception):
    """Nothing was backed up or restored, or not what should be; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What the schemas hold: for each ``schema.table`` its rows and their fingerprint, for each sequence its value."""

    tables: Mapping[str, tuple[int, str]]
    sequences: Mapping[str, int]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(rows for rows, _ in self.tables.values())

    def differences(self, found: "Contents") -> Iterator[str]:
        """What ``found`` lacks of this, has besides or has otherwise, in words."""
        for name in sorted(self.tables.keys() | found.tables.keys()):
            wanted, has = self.tables.get(name), found.tables.get(name)
            if wanted != has:
                yield f"{name} should have {_told(wanted)} and has {_told(has)}"
        for name, value in sorted(self.sequences.items()):
            # The dump reads sequences after this did, and they count on in the midst of a transaction.
            if found.sequences.get(name, -1) < value:
                yield f"the sequence {name} should have come to {value} and is at {found.sequences.get(name)}"


def _told(table: tuple[int, str] | None) -> str:
    return "no such table" if table is None else f"{table[0]} rows of fingerprint {table[1]}"


def dump(url: str, schemas: Sequence[str], file: Path) -> Contents:
    """Write the ``schemas`` of the database at ``url`` to ``file``; traffic may go on. Returns what was written.

    Raises:
        BackupFailed: the server or pg_dump refused, or a schema is missing.
    """
    with _connected(url) as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _check_present(connection, schemas)
        (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        contents = _contents(connection, schemas)
        # pg_dump sees the very state that was just counted, in all schemas.
        _run("pg_dump", url, "--format=custom", f"--snapshot={snapshot}", f"--file={file}", *_only(schemas))
        return contents


def restore(url: str, schemas: Sequence[str], file: Path, wanted: Contents) -> None:
    """Fill the empty ``schemas`` at ``url`` from ``file``, all or nothing, and see that they hold what is ``wanted``.

    Raises:
        BackupFailed: they are missing or not empty, the server or pg_restore refused, or something differs.
    """
    with _connected(url) as connection:
        _check_present(connection, schemas)
        if full := sorted({table.partition(".")[0] for table in _tables(connection, schemas)}):
            raise BackupFailed(
                f"{connection.info.dbname} has tables in {', '.join(full)} already, and nothing was changed: "
                "restore into an empty database that was provisioned"
            )
    # Schemas and their owners are provisioned; with --schema, pg_restore takes only what is in them.
    _run("pg_restore", url, "--single-transaction", "--exit-on-error", *_only(schemas), str(file))
    with _connected(url) as connection, connection.transaction():
        if differences := list(wanted.differences(_contents(connection, schemas))):
            raise BackupFailed("\n".join(["what was restored is not what was backed up:", *differences]))


def _only(schemas: Sequence[str]) -> list[str]:
    return [f"--schema={schema}" for schema in schemas]


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        with psycopg.connect(url, connect_timeout=5, application_name="aiops-backup", autocommit=True) as connection:
            for name, value in _TEXT.items():
                connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            yield connection
    except psycopg.Error as error:
        raise BackupFailed(f"PostgreSQL: {str(error).strip()}") from error


def _check_present(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> None:
    rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", [list(schemas)]).fetchall()
    if missing := sorted(set(schemas) - {name for (name,) in rows}):
        raise BackupFailed(
            f"{connection.info.dbname} has no schema {', '.join(missing)}: run `python -m aiops_common.postgres "
            "provision` first, with the database in POSTGRES_ADMIN_URL"
        )


def _tables(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> list[str]:
    rows = connection.execute(
        "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = ANY(%s) ORDER BY 1", [list(schemas)]
    ).fetchall()
    return [name for (name,) in rows]


def _contents(connection: psycopg.Connection[Any], schemas: Sequence[str]) -> Contents:
    sequences = connection.execute(
        "SELECT schemaname || '.' || sequencename, coalesce(last_value, 0) FROM pg_sequences "
        "WHERE schemaname = ANY(%s)",
        [list(schemas)],
    ).fetchall()
    tables = {}
    for name in _tables(connection, schemas):
        rows, fingerprint = connection.execute(SQL(_FINGERPRINT).format(Identifier(*name.split(".")))).fetchone() or (
            0,
            "",
        )
        tables[name] = (rows, fingerprint)
    return Contents(tables, dict(sequences))


def _run(program: str, url: str, *arguments: str) -> None:
    """PostgreSQL's own ``program`` on the database at ``url``, whose password no list of processes shows."""
    parts = conninfo_to_dict(url)
    password = {"PGPASSWORD": str(parts.pop("password"))} if "password" in parts else {}
    command = [program, "--no-password", f"--dbname={make_conninfo('', **parts)}", *arguments]
    try:
        ended = subprocess.run(  # noqa: S603 - our own arguments
            command, env={**os.environ, **password}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BackupFailed(
            f"there is no {program} on the PATH: install PostgreSQL's client programs, of the server's version or newer"
        ) from None
    if ended.returncode != 0:
        raise BackupFailed(f"{program} ended with {ended.returncode}: {ended.stderr.strip()}")
