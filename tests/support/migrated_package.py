"""A package with migrations that a test writes, and the roles that it migrates as."""

from pathlib import Path
from textwrap import dedent

import psycopg

from aiops_common.postgres.provision import Roles

ROLES = Roles(roles=("migrated_a", "migrated_b"), settings={"statement_timeout": "30s", "lock_timeout": "5s"})
PASSWORDS = {"migrated_a": 'it\'s "a" %s', "migrated_b": "b"}
PACKAGE = "migrated_package"

REVISIONS = {
    "expand/0001_things.py": """
        \"\"\"Things and plumbing.\"\"\"
        from alembic import op
        from aiops_common.postgres.migrate import messaging_tables_v1
        revision, down_revision, branch_labels, depends_on = "e1", None, ("expand",), None
        def upgrade():
            op.execute(messaging_tables_v1())
            op.execute("CREATE TABLE things (id int PRIMARY KEY, old text); INSERT INTO things VALUES (1, '100%')")
    """,
    "expand/0002_new_column.py": """
        \"\"\"A new column.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "e2", "e1", None, None
        def upgrade():
            op.execute("ALTER TABLE things ADD COLUMN new text")
    """,
}
CONTRACT = {
    "contract/0001_no_old_column.py": """
        \"\"\"The old column goes.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "c1", None, ("contract",), "e2"
        def upgrade():
            op.execute("ALTER TABLE things DROP COLUMN old")
    """,
}
AFTER_CONTRACT = {
    "expand/0003_more.py": """
        \"\"\"More.\"\"\"
        from alembic import op
        revision, down_revision, branch_labels, depends_on = "e3", "e2", None, None
        def upgrade():
            op.execute("ALTER TABLE things ADD COLUMN more text")
    """,
}


def write(root: Path, revisions: dict[str, str]) -> None:
    """Add revisions to the package below ``root``."""
    for name, source in revisions.items():
        (root / PACKAGE / "migrations" / name).write_text(dedent(source).lstrip())


def url_as(admin_url: str, role: str) -> str:
    """The database as one of the roles."""
    info = psycopg.conninfo.conninfo_to_dict(admin_url)
    password = PASSWORDS[role].replace("%", "%25").replace(" ", "%20").replace('"', "%22")
    return f"postgresql://{role}:{password}@{info['host']}:{info['port']}/{info['dbname']}"
