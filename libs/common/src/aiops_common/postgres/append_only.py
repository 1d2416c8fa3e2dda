"""Tables that a service may read and add to, and nothing else, not even by giving itself the right.

Who owns a table may grant itself everything on it, and who owns a schema may drop what is in it. So an append-only
table belongs to a role that nobody can log in as, in a schema of that role; the service has USAGE there, and SELECT and
INSERT on the table. A migration makes it in the service's own schema, an administrator takes it afterwards.
"""

from collections.abc import Iterable, Mapping, Sequence

import psycopg
from psycopg.sql import SQL, Identifier

OWNER = "aiops_history"
"""Owns all append-only tables; NOLOGIN, and nobody but an administrator is a member."""

LOCK_TIMEOUT = "5s"
"""How long a table is waited for; all who come after wait as well."""

_SUFFIX = "_history"

# Whatever runs with the rights of the table's owner, or comes between an INSERT and the row.
_ACTIVE = """
SELECT c.relkind <> 'r' OR c.relrowsecurity OR c.relpersistence <> 'p'
    OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = c.oid)
    OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid)
    OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent))
    OR EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND (indexprs IS NOT NULL OR indpred IS NOT NULL))
FROM pg_class AS c WHERE c.oid = %s
"""

# A grant on a column is none on the table.
_GRANTEES = """
SELECT DISTINCT grantee::regrole::text FROM (
    SELECT relacl AS acl FROM pg_class WHERE oid = %(table)s
    UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = %(table)s
) AS acls, aclexplode(acl) WHERE grantee <> 0 AND grantee <> (SELECT relowner FROM pg_class WHERE oid = %(table)s)
"""


class Tampered(Exception):
    """A table is not as a migration makes it; the message names it and says what to do."""


def history_schema(role: str) -> str:
    """The schema of the append-only tables of ``role``."""
    return role + _SUFFIX


def provide_histories(
    connection: psycopg.Connection, tables: Mapping[str, Iterable[str]], roles: Sequence[str]
) -> None:
    """See to it that the owner and a schema for each role's tables exist, and that others have no right to them."""
    if not tables:
        return
    _provide_owner(connection)
    for role in tables:
        schema = Identifier(history_schema(role))
        connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(schema, Identifier(OWNER)))
        connection.execute(SQL("ALTER SCHEMA {} OWNER TO {}").format(schema, Identifier(OWNER)))
        everybody = SQL(", ").join([SQL("PUBLIC"), *map(Identifier, roles)])
        connection.execute(SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(schema, everybody))
        connection.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, Identifier(role)))


def protect_tables(
    connection: psycopg.Connection, tables: Mapping[str, Iterable[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Take the tables; returns those that were taken now, and those that do not exist, as ``schema.table``.

    Raises:
        Tampered: a table carries a trigger, a rule or the like, or exists twice.
    """
    taken, missing = [], []
    connection.execute(SQL("SET LOCAL lock_timeout TO {}").format(LOCK_TIMEOUT))
    for role, names in tables.items():
        for name in names:
            found = _found(connection, role, name)
            if found is None:
                missing.append(f"{role}.{name}")
            elif found != (history_schema(role), OWNER):
                _take(connection, role, found[0], name)
                taken.append(f"{history_schema(role)}.{name}")
    return tuple(taken), tuple(missing)


def _provide_owner(connection: psycopg.Connection) -> None:
    owner = Identifier(OWNER)
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
        connection.execute(SQL("CREATE ROLE {} NOLOGIN").format(owner))
    elif connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() == (True,):
        connection.execute(SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(owner))
    members = connection.execute(
        "SELECT DISTINCT member::regrole::text FROM pg_auth_members "
        "WHERE roleid = %s::regrole AND member <> current_user::regrole",
        [OWNER],
    ).fetchall()
    for (member,) in members:
        # regrole quotes the name where that is needed
        connection.execute(SQL("REVOKE {} FROM {}").format(owner, SQL(member)))
    if connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() != (True,):
        # Whoever gives something to a role must be a member of it.
        connection.execute(SQL("GRANT {} TO CURRENT_USER").format(owner))


def _found(connection: psycopg.Connection, role: str, name: str) -> tuple[str, str] | None:
    """The schema and the owner of the table."""
    rows = connection.execute(
        "SELECT nspname, pg_get_userbyid(relowner) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace "
        "WHERE relname = %s AND nspname IN (%s, %s)",
        [name, role, history_schema(role)],
    ).fetchall()
    if len(rows) > 1:
        raise Tampered(
            f"{name} exists in {role} and in {history_schema(role)}: the second one is the history. Look at what the "
            "first one holds and who made it, drop it, and run this again"
        )
    return rows[0] if rows else None


def _take(connection: psycopg.Connection, role: str, schema: str, name: str) -> None:
    table, home = Identifier(schema, name), Identifier(history_schema(role), name)
    # Nobody changes it between the look and the taking.
    connection.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
    row = connection.execute("SELECT %s::regclass::oid", [table.as_string(connection)]).fetchone()
    oid = row and row[0]
    if connection.execute(_ACTIVE, [oid]).fetchone() != (False,):
        raise Tampered(
            f"{schema}.{name} is not a plain table: it has a trigger, a foreign key, a rule, a policy, a child or an "
            "index on an expression, which could change rows. Find out who made it, drop it, and run this again"
        )
    if schema != history_schema(role):
        connection.execute(SQL("ALTER TABLE {} SET SCHEMA {}").format(table, Identifier(history_schema(role))))
    connection.execute(SQL("ALTER TABLE {} OWNER TO {}").format(home, Identifier(OWNER)))
    for (grantee,) in connection.execute(_GRANTEES, {"table": oid}).fetchall():
        connection.execute(SQL("REVOKE ALL ON {} FROM {} CASCADE").format(home, SQL(grantee)))
    connection.execute(SQL("REVOKE ALL ON {} FROM PUBLIC").format(home))
    connection.execute(SQL("GRANT SELECT, INSERT ON {} TO {}").format(home, Identifier(role)))
