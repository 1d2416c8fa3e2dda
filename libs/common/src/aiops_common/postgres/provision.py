"""Roles and schemas: one of each for every service, closed to all others; ``protect`` puts histories out of reach.

A second run changes nothing but passwords.

Everything happens in one transaction, so a run that fails leaves the server as it was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import psycopg
import stamina
import yaml
from psycopg.sql import SQL, Identifier, Literal
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aiops_common.postgres.append_only import history_schema, protect_tables, provide_histories

RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
TableName = RoleName
SettingName = Annotated[str, Field(pattern=r"^[a-z_]+$")]

LOCK_KEY = 0x41494F50_00000000


class InvalidRoles(Exception):
    """The file of roles is malformed; the message says where."""


class ProvisioningFailed(Exception):
    """The server could not be reached, or refused; the message says what to do."""


class Roles(BaseModel):
    """The file of roles: each name is a role and its schema; ``settings`` hold for every session of theirs.

    ``append_only`` names the tables of a role that it may read and add to, and nothing else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: tuple[RoleName, ...]
    settings: dict[SettingName, str] = {}
    append_only: dict[RoleName, tuple[TableName, ...]] = {}

    @model_validator(mode="after")
    def _append_only_names_roles(self) -> Self:
        if unknown := self.append_only.keys() - set(self.roles):
            raise ValueError(f"append_only names {', '.join(sorted(unknown))}, which roles does not")
        return self


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a run did; all other roles only had their password set again."""

    database: str
    created_roles: tuple[str, ...]
    created_schemas: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Protected:
    """What a run did, as ``schema.table``: what it took from its service, and what does not exist yet."""

    database: str
    taken: tuple[str, ...]
    missing: tuple[str, ...]


def load(path: Path) -> Roles:
    """Read the file of roles.

    Raises:
        InvalidRoles: it is not YAML or has an unknown or malformed field.
        OSError: it cannot be read.
    """
    try:
        return Roles.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidRoles(f"{path}: {error}") from error


def provision(roles: Roles, admin_url: str, passwords: Mapping[str, str], *, deadline: float = 60.0) -> Provisioned:
    """Make the database that ``admin_url`` names fit for the roles; its user is a superuser or may create roles.

    Args:
        passwords: one for each role; it is hashed here, so neither the server nor its log ever sees it.
        deadline: seconds to wait for a server that is still starting.

    Raises:
        ProvisioningFailed: no connection within the deadline, or a statement was refused.
        Tampered: an append-only table that is there carries something that could change its rows.
    """
    try:
        with _connect(admin_url, deadline) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
            database = connection.info.dbname
            created_roles = tuple(role for role in roles.roles if _ensure_role(connection, role, passwords[role]))
            _close_database(connection, database)
            created_schemas = tuple(role for role in roles.roles if _ensure_schema(connection, role, roles.roles))
            provide_histories(connection, roles.append_only, roles.roles)
            for role in roles.roles:
                path = (role, history_schema(role)) if role in roles.append_only else (role,)
                _configure(connection, role, database, {**roles.settings, "search_path": path})
            # What a migration has made before this is protected now.
            protect_tables(connection, roles.append_only)
    except psycopg.Error as error:
        raise ProvisioningFailed(f"PostgreSQL: {str(error).strip()}") from error
    return Provisioned(database, created_roles, created_schemas)


def protect(roles: Roles, admin_url: str, *, deadline: float = 60.0) -> Protected:
    """Take the append-only tables that migrations made from the services' roles, which may read and add from now on.

    Raises:
        ProvisioningFailed: no connection within the deadline, or a statement was refused.
        Tampered: a table carries something that could change its rows.
    """
    try:
        with _connect(admin_url, deadline) as connection, connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
            provide_histories(connection, roles.append_only, roles.roles)
            taken, missing = protect_tables(connection, roles.append_only)
            return Protected(connection.info.dbname, taken, missing)
    except psycopg.Error as error:
        raise ProvisioningFailed(f"PostgreSQL: {str(error).strip()}") from error


def _connect(url: str, deadline: float) -> psycopg.Connection:
    # A starting server refuses connections or says 57P03; a wrong password or database is not worth a wait.
    for attempt in stamina.retry_context(on=_is_passing, attempts=None, timeout=deadline, wait_max=2.0):
        with attempt:
            return psycopg.connect(url, connect_timeout=5, application_name="aiops-provision")
    raise AssertionError("unreachable: the last attempt returns or raises")


def _is_passing(error: Exception) -> bool:
    permanent = ("password authentication", "does not exist", "pg_hba.conf", "could not translate host")
    return isinstance(error, psycopg.OperationalError) and not any(phrase in str(error) for phrase in permanent)


def _ensure_role(connection: psycopg.Connection, role: str, password: str) -> bool:
    """Create the role, or take from it what a service must not have; return whether it is new."""
    name = Identifier(role)
    row = connection.execute(
        "SELECT rolsuper OR rolreplication OR rolbypassrls OR rolcreatedb OR rolcreaterole FROM pg_roles "
        "WHERE rolname = %s",
        [role],
    ).fetchone()
    if row is None:
        connection.execute(SQL("CREATE ROLE {}").format(name))
    elif row[0]:
        # Only then, because the first three words need a superuser even where they change nothing.
        connection.execute(
            SQL("ALTER ROLE {} NOSUPERUSER NOREPLICATION NOBYPASSRLS NOCREATEDB NOCREATEROLE").format(name)
        )
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(SQL("ALTER ROLE {} LOGIN NOINHERIT PASSWORD {}").format(name, Literal(verifier)))
    memberships = connection.execute(
        "SELECT DISTINCT roleid::regrole::text FROM pg_auth_members WHERE member = %s::regrole", [f'"{role}"']
    ).fetchall()
    for (group,) in memberships:
        # regrole quotes the name where that is needed
        connection.execute(SQL("REVOKE {} FROM {}").format(SQL(group), name))
    return row is None


def _close_database(connection: psycopg.Connection, database: str) -> None:
    """Take from everybody what PostgreSQL gives to everybody; what a role needs it is granted by name."""
    connection.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(Identifier(database)))
    if connection.execute("SELECT to_regnamespace('public') IS NOT NULL").fetchone() == (True,):
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


def _ensure_schema(connection: psycopg.Connection, role: str, roles: Iterable[str]) -> bool:
    """Give the role a schema of its name, closed to everybody else; return whether it is new."""
    name = Identifier(role)
    row = connection.execute(
        "SELECT pg_get_userbyid(nspowner), rolsuper FROM pg_roles, (SELECT 1) AS one "
        "LEFT JOIN pg_namespace ON nspname = %s WHERE rolname = current_user",
        [role],
    ).fetchone()
    owner, superuser = row or (None, False)
    if owner != role:
        if not superuser:
            # Whoever gives a schema to a role must be a member of it.
            connection.execute(SQL("GRANT {} TO CURRENT_USER").format(name))
        statement = "CREATE SCHEMA {} AUTHORIZATION {}" if owner is None else "ALTER SCHEMA {} OWNER TO {}"
        connection.execute(SQL(statement).format(name, name))
    others = SQL(", ").join([SQL("PUBLIC"), *(Identifier(other) for other in roles if other != role)])
    connection.execute(SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(name, others))
    return owner is None


def _configure(
    connection: psycopg.Connection, role: str, database: str, settings: Mapping[str, str | Sequence[str]]
) -> None:
    where = SQL("ALTER ROLE {} IN DATABASE {} ").format(Identifier(role), Identifier(database))
    connection.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(Identifier(database), Identifier(role)))
    for setting, value in settings.items():
        values = [value] if isinstance(value, str) else value
        listed = SQL(", ").join(map(Literal, values))
        connection.execute(where + SQL("SET {} TO {}").format(Identifier(setting), listed))
