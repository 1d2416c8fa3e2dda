"""The file of roles, and the SQL of the plumbing that every service's first migration executes."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from aiops_common.messaging.topology import load as load_topology
from aiops_common.postgres.migrate import messaging_tables_v1
from aiops_common.postgres.provision import InvalidRoles, load
from aiops_common.postgres.revisions import MigrationFailed, needs

DEPLOY = Path(__file__).parents[3] / "deploy"


def test_every_service_has_a_role() -> None:
    assert set(load(DEPLOY / "postgres" / "roles.yaml").roles) == set(
        load_topology(DEPLOY / "rabbitmq" / "topology.yaml").services
    )


def test_roles_have_limits() -> None:
    settings = load(DEPLOY / "postgres" / "roles.yaml").settings
    assert settings.keys() == {"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}


@pytest.mark.parametrize(
    "content",
    ["roles: ['a; DROP']", "roles: [a]\nmore: 1", "roles: [", "[]", "roles: [a]\nappend_only: {b: [changes]}"],
)
def test_a_malformed_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    file = tmp_path / "roles.yaml"
    file.write_text(content)
    with pytest.raises(InvalidRoles, match=r"roles\.yaml"):
        load(file)


def _columns(table: str) -> list[str]:
    found = re.search(rf"CREATE TABLE {table} \((.*?)\n\)", messaging_tables_v1(), re.DOTALL)
    assert found, table
    return [line.split()[0] for line in found[1].strip().splitlines()]


def test_the_plumbing_has_the_columns_that_the_relay_and_the_inbox_use() -> None:
    assert _columns("outbox") == [
        "id", "seq", "exchange", "routing_key", "body", "headers", "created_at", "claimed_until", "attempts", "sent_at",
    ]  # fmt: skip
    assert _columns("inbox") == ["message_id", "message_type", "received_at"]
    assert "ON outbox (seq) WHERE sent_at IS NULL;" in messaging_tables_v1()


def test_the_plumbing_survives_alembic_unchanged() -> None:
    # op.execute reads a word after a colon as a parameter and doubles per cent signs.
    compiled = text(messaging_tables_v1()).compile(dialect=postgresql.psycopg.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this constructor untyped
    assert str(compiled) == messaging_tables_v1()
    assert compiled.params == {}


def test_a_package_without_migrations_has_no_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unmigrated" / "migrations" / "expand").mkdir(parents=True)
    (tmp_path / "unmigrated" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MigrationFailed, match="unmigrated must have one head"):
        needs("unmigrated")
