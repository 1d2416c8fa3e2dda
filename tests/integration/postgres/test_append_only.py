"""What a service's own role can do to its history: add to it. The statements are what a thief of its password tries."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from yarl import URL

from aiops_common.logging import setup_logging
from aiops_common.postgres import Pool
from aiops_common.postgres.append_only import OWNER, Tampered
from aiops_common.postgres.exposed import ExposedTables
from aiops_common.postgres.provision import Protected, Roles, protect, provision

ROLES = Roles(roles=("kept_a", "kept_b"), append_only={"kept_a": ("changes",)})
PASSWORDS = {"kept_a": "a", "kept_b": "b"}
CREATE = "CREATE TABLE changes (id int PRIMARY KEY, delta text NOT NULL)"


def connect(admin_url: str, role: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(admin_url, user=role, password=PASSWORDS[role], autocommit=True)


@pytest.fixture
def admin_url(postgres_admin_url: str) -> Iterator[str]:
    provision(ROLES, postgres_admin_url, PASSWORDS)
    yield postgres_admin_url
    with psycopg.connect(postgres_admin_url) as connection:
        for role in ROLES.roles:
            connection.execute(f"DROP OWNED BY {role} CASCADE")
            connection.execute(f"DROP ROLE {role}")


@pytest.fixture
def protected(admin_url: str) -> str:
    """With one row, which was there before it was protected."""
    with connect(admin_url, "kept_a") as a:
        a.execute(CREATE)
        a.execute("INSERT INTO changes VALUES (1, 'first')")
    database = psycopg.conninfo.conninfo_to_dict(admin_url)["dbname"]
    assert protect(ROLES, admin_url) == Protected(str(database), ("kept_a_history.changes",), ())
    return admin_url


ATTEMPTS = [
    "UPDATE changes SET delta = 'forged'",
    "UPDATE changes SET delta = 'forged' WHERE false",
    "DELETE FROM changes",
    "TRUNCATE changes",
    "INSERT INTO changes VALUES (1, 'forged') ON CONFLICT (id) DO UPDATE SET delta = excluded.delta",
    "MERGE INTO changes USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    # PostgreSQL answers a grant without the right to it with a warning.
    "GRANT UPDATE, DELETE ON changes TO CURRENT_USER; DELETE FROM changes",
    "DROP TABLE changes",
    "DROP TABLE kept_a_history.changes CASCADE",
    "DROP SCHEMA kept_a_history CASCADE",
    "ALTER SCHEMA kept_a_history OWNER TO kept_a",
    "ALTER TABLE changes OWNER TO kept_a",
    "ALTER TABLE changes RENAME TO other",
    "ALTER TABLE changes SET SCHEMA kept_a",
    "ALTER TABLE changes DROP COLUMN delta",
    "ALTER TABLE changes ALTER COLUMN delta TYPE text USING 'forged'",
    "CREATE TRIGGER t BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE RULE r AS ON INSERT TO changes DO INSTEAD NOTHING",
    "CREATE INDEX ON changes (delta)",
    "CREATE TABLE child () INHERITS (changes)",
    "CREATE TABLE parent (id int REFERENCES changes)",
    "CREATE TABLE kept_a_history.mine (x int)",
    f"SET ROLE {OWNER}",
    f"GRANT {OWNER} TO kept_a",
    f"REASSIGN OWNED BY {OWNER} TO kept_a",
    f"DROP OWNED BY {OWNER}",
]


@pytest.mark.parametrize("statement", ATTEMPTS)
def test_a_role_cannot_take_its_history_back(protected: str, statement: str) -> None:
    with connect(protected, "kept_a") as a:
        a.execute("INSERT INTO changes VALUES (2, 'second')")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            a.execute(sql.SQL(statement))
        rows = a.execute("SELECT * FROM changes ORDER BY id").fetchall()
    assert rows == [(1, "first"), (2, "second")]


def test_not_even_by_giving_up_everything_it_owns(protected: str) -> None:
    with connect(protected, "kept_a") as a:
        a.execute("DROP OWNED BY CURRENT_USER CASCADE")
    with psycopg.connect(protected) as admin:
        assert admin.execute("SELECT * FROM kept_a_history.changes").fetchall() == [(1, "first")]


def test_other_roles_see_nothing_of_it(protected: str) -> None:
    with (
        connect(protected, "kept_b") as b,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="kept_a_history"),
    ):
        b.execute("SELECT * FROM kept_a_history.changes")


def test_what_was_granted_before_is_taken_and_a_second_run_takes_nothing(admin_url: str) -> None:
    with connect(admin_url, "kept_a") as a:
        a.execute(CREATE)
        a.execute("GRANT ALL ON changes TO kept_a, kept_b, PUBLIC")
        a.execute("GRANT UPDATE (delta) ON changes TO kept_a, kept_b")
        a.execute("INSERT INTO changes VALUES (1, 'first')")
    assert protect(ROLES, admin_url).taken == ("kept_a_history.changes",)
    assert protect(ROLES, admin_url).taken == ()
    provision(ROLES, admin_url, PASSWORDS)
    with connect(admin_url, "kept_a") as a, pytest.raises(psycopg.errors.InsufficientPrivilege):
        a.execute("UPDATE changes SET delta = 'forged'")
    with psycopg.connect(admin_url) as admin:
        acl = admin.execute(
            "SELECT grantee::regrole::text, privilege_type FROM pg_class, aclexplode(relacl) "
            "WHERE oid = 'kept_a_history.changes'::regclass AND grantee <> relowner ORDER BY 2"
        ).fetchall()
        columns = admin.execute(
            "SELECT grantee::regrole::text FROM pg_attribute, aclexplode(attacl) "
            "WHERE attrelid = 'kept_a_history.changes'::regclass"
        ).fetchall()
    assert {grantee for (grantee,) in columns} <= {OWNER}
    assert acl == [("kept_a", "INSERT"), ("kept_a", "SELECT")]


@pytest.mark.parametrize(
    "trap",
    [
        "CREATE RULE r AS ON INSERT TO changes DO ALSO DELETE FROM changes",
        "CREATE TRIGGER t BEFORE INSERT ON changes FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE TABLE p (id int PRIMARY KEY); ALTER TABLE changes ADD FOREIGN KEY (id) REFERENCES p ON DELETE CASCADE",
        "CREATE INDEX ON changes (lower(delta))",
        "ALTER TABLE changes ENABLE ROW LEVEL SECURITY",
    ],
)
def test_a_table_with_a_trap_in_it_is_refused(admin_url: str, trap: str) -> None:
    with connect(admin_url, "kept_a") as a:
        a.execute(CREATE)
        a.execute(sql.SQL(trap))
    with pytest.raises(Tampered, match=r"kept_a\.changes is not a plain table"):
        protect(ROLES, admin_url)


def test_a_second_table_in_front_of_the_history_is_found(protected: str) -> None:
    with connect(protected, "kept_a") as a:
        a.execute("CREATE TABLE kept_a.changes (id int)")
    with pytest.raises(Tampered, match="changes exists in kept_a and in kept_a_history"):
        protect(ROLES, protected)


def test_members_of_the_owner_are_put_out(protected: str) -> None:
    with psycopg.connect(protected) as admin:
        admin.execute(f"GRANT {OWNER} TO kept_b; ALTER ROLE {OWNER} LOGIN")
    protect(ROLES, protected)
    with psycopg.connect(protected) as admin:
        members = "SELECT count(*) FROM pg_auth_members WHERE roleid = %s::regrole"
        assert admin.execute(members, [OWNER]).fetchone() == (0,)
        assert admin.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() == (False,)


def test_what_is_not_there_yet_is_named(admin_url: str) -> None:
    assert protect(ROLES, admin_url).missing == ("kept_a.changes",)


def test_an_administrator_lends_it_for_a_migration_and_takes_it_back(protected: str) -> None:
    with psycopg.connect(protected) as admin:
        admin.execute("ALTER TABLE kept_a_history.changes OWNER TO kept_a")
        admin.execute("GRANT CREATE ON SCHEMA kept_a_history TO kept_a")
    with connect(protected, "kept_a") as a:
        a.execute("ALTER TABLE changes ADD COLUMN more text")
        a.execute("CREATE INDEX ON changes (more)")
    assert protect(ROLES, protected).taken == ("kept_a_history.changes",)
    with connect(protected, "kept_a") as a:
        for statement in (
            "DELETE FROM changes",
            "ALTER TABLE changes DROP COLUMN more",
            "CREATE INDEX ON changes (id)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                a.execute(sql.SQL(statement))


def test_whoever_may_create_roles_need_not_be_a_superuser(postgres_admin_url: str) -> None:
    roles = Roles(roles=("lesser_a",), append_only={"lesser_a": ("changes",)})
    with psycopg.connect(postgres_admin_url) as superuser:
        superuser.execute("DROP ROLE IF EXISTS lesser; CREATE ROLE lesser LOGIN CREATEROLE PASSWORD 'x'")
        database = superuser.info.dbname
        superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO lesser").format(sql.Identifier(database)))
    lesser = psycopg.conninfo.make_conninfo(postgres_admin_url, user="lesser", password="x")
    try:
        provision(roles, lesser, {"lesser_a": "a"})
        with psycopg.connect(postgres_admin_url, user="lesser_a", password="a") as a:
            a.execute(CREATE)
        assert protect(roles, lesser).taken == ("lesser_a_history.changes",)
        with psycopg.connect(postgres_admin_url, user="lesser_a", password="a") as a:
            a.execute("INSERT INTO changes VALUES (1, 'first')")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                a.execute("DROP TABLE changes")
    finally:
        with psycopg.connect(postgres_admin_url) as superuser:
            superuser.execute(f'ALTER DATABASE "{database}" OWNER TO CURRENT_USER; DROP OWNED BY lesser_a CASCADE')
            superuser.execute(f"REVOKE {OWNER} FROM lesser; DROP OWNED BY lesser CASCADE; DROP ROLE lesser_a, lesser")


async def test_a_service_whose_history_is_not_protected_says_so(
    admin_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    setup_logging("kept_a", "INFO")
    with connect(admin_url, "kept_a") as a:
        a.execute(CREATE + "; REVOKE UPDATE, DELETE, TRUNCATE ON changes FROM CURRENT_USER")
    pool = Pool(str(URL(admin_url).with_user("kept_a").with_password("a")))
    await ExposedTables(pool).start()
    assert "history.not_protected" in (told := capsys.readouterr().out + capsys.readouterr().err)
    assert "changes" in told
    protect(ROLES, admin_url)
    await ExposedTables(pool).start()
    await pool.stop()
    assert "history" not in capsys.readouterr().out
    await ExposedTables(Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.5)).start()
