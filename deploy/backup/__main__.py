"""``python -m deploy.backup create|restore FOLDER``: all data of the services, and the broker's definitions.

To be run from the root of the checkout, with PostgreSQL's client programs on the PATH. A backup is a folder:

    database.dump       all schemas as of one moment; pg_restore reads it, a single schema too (--schema=triage)
    definitions.json    what the broker is made of; passwords are hashes
    manifest.json       when that moment was, and how many rows of which fingerprint each table had

It holds no keys: AUTH_MASTER_KEY and the CONTENT_KEYS are kept elsewhere, and without them what is sealed stays sealed.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from deploy.backup import broker, database
from deploy.backup.database import BackupFailed, Contents

from aiops_common.postgres.append_only import history_schema
from aiops_common.postgres.provision import InvalidRoles, load

DATABASE_URL = "POSTGRES_ADMIN_URL"
BROKER_URL = "RABBITMQ_MANAGEMENT_URL"
WRONG_USAGE = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


class Part(StrEnum):
    """Of a backup."""

    DATABASE = "database"
    BROKER = "broker"


Folder = Annotated[Path, typer.Argument(help="The backup.")]
Roles = Annotated[Path, typer.Option(help="Names the schemas.")]
Only = Annotated[Part | None, typer.Option(help="One server; the other is neither asked nor needed.")]
ROLES_FILE = Path("deploy/postgres/roles.yaml")


@app.callback()
def backup() -> None:
    """Back up, and restore."""


@app.command("create")
def create_command(folder: Folder, roles: Roles = ROLES_FILE, only: Only = None) -> None:
    """Write a new backup; everything may go on running meanwhile.

    POSTGRES_ADMIN_URL and RABBITMQ_MANAGEMENT_URL as for the provisioners. Exits with 1 if FOLDER exists or a server
    refuses, with 2 if a variable or the file of roles is wrong.
    """
    schemas = _schemas(roles)
    wanted = {Part.DATABASE: DATABASE_URL, Part.BROKER: BROKER_URL}
    parts = [only] if only else list(Part)
    urls = dict(zip(parts, _required(*(wanted[part] for part in parts)), strict=True))
    _told(lambda: _create(folder, schemas, urls))


@app.command("restore")
def restore_command(folder: Folder, roles: Roles = ROLES_FILE, only: Only = None) -> None:
    """Fill an empty database that was provisioned, and give the broker its definitions.

    Every table is counted and compared with what it was. Exits with 1 if the database is not empty, a server refuses or
    something differs, with 2 if a variable or the file of roles is wrong.
    """
    schemas = _schemas(roles)
    if only is not Part.BROKER:
        (url,) = _required(DATABASE_URL)
        _told(lambda: _restore_database(folder, schemas, url))
    if only is not Part.DATABASE:
        (url,) = _required(BROKER_URL)
        _told(lambda: _restore_broker(folder, url))


def _create(folder: Path, schemas: list[str], urls: Mapping[Part, str]) -> str:
    # Only a complete backup gets the name.
    draft = folder.with_name(f"{folder.name}.incomplete")
    if folder.exists():
        raise BackupFailed(f"{folder} exists already, and nothing was changed: name a new folder")
    draft.mkdir(mode=0o700, parents=True)
    try:
        written = _write(draft, schemas, urls)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return f"{folder}: {written}"


def _write(draft: Path, schemas: list[str], urls: Mapping[Part, str]) -> str:
    began = datetime.now(UTC)
    written = [f"as of {began.isoformat(timespec='seconds')}"]
    if url := urls.get(Part.BROKER):
        definitions = broker.export(url)
        (draft / "definitions.json").write_text(json.dumps(definitions, indent=1), encoding="utf-8")
        written.insert(0, f"{len(definitions['queues'])} queues")
    if url := urls.get(Part.DATABASE):
        contents = database.dump(url, schemas, draft / "database.dump")
        manifest = {"taken_at": began.isoformat(), "tables": contents.tables, "sequences": contents.sequences}
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        written.insert(0, f"{len(contents.tables)} tables, {contents.rows} rows")
    return ", ".join(written)


def _restore_database(folder: Path, schemas: list[str], url: str) -> str:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tables = {name: (rows, fingerprint) for name, (rows, fingerprint) in manifest["tables"].items()}
    contents = Contents(tables, manifest["sequences"])
    database.restore(url, schemas, folder / "database.dump", contents)
    return (
        f"database: {len(contents.tables)} tables, {contents.rows} rows, all as they were at {manifest['taken_at']}; "
        "what was on its way then is in the outboxes, to be sent again"
    )


def _restore_broker(folder: Path, url: str) -> str:
    definitions = json.loads((folder / "definitions.json").read_text(encoding="utf-8"))
    broker.restore(url, definitions)
    return f"broker: {len(definitions['queues'])} queues, {len(definitions['users'])} users"


def _schemas(file: Path) -> list[str]:
    try:
        roles = load(file)
    except (InvalidRoles, OSError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(WRONG_USAGE) from None
    return [*roles.roles, *map(history_schema, roles.append_only)]


def _required(*variables: str) -> tuple[str, ...]:
    if missing := [name for name in variables if not os.environ.get(name)]:
        typer.echo(f"set {', '.join(missing)}", err=True)
        raise typer.Exit(WRONG_USAGE)
    return tuple(os.environ[name] for name in variables)


def _told(step: Callable[[], str]) -> None:
    try:
        typer.echo(step())
    except (BackupFailed, OSError) as error:
        typer.echo(error, err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    sys.exit(app())
