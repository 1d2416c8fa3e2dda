"""The schema of examples/renamed_field, with lines of logs that its first release wrote; a package with migrations."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from yarl import URL

from aiops_common.postgres import Pool, provision
from aiops_common.postgres.migrate import migrate
from examples.renamed_field.release_1.repository import LineRepository
from support.migrated_package import PACKAGE, PASSWORDS, REVISIONS, ROLES, write
from support.renamed_field import ROWS, TEXTS, package_of
from support.servers import ROOT
from support.side_by_side import Traffic


@pytest.fixture
def lines_url(postgres_admin_url: str) -> Iterator[str]:
    """A database as the first release has migrated it, as its role."""
    provision.provision(
        provision.load(ROOT / "examples/renamed_field/roles.yaml"), postgres_admin_url, {"lines": "secret"}
    )
    url = str(URL(postgres_admin_url).with_user("lines").with_password("secret"))
    assert migrate(url, "lines", package_of(1)) == ["lines_0001"]
    yield url
    with psycopg.connect(postgres_admin_url) as connection:
        connection.execute("DROP OWNED BY lines CASCADE")
        connection.execute("DROP ROLE lines")


@pytest.fixture
async def lines_pool(lines_url: str) -> AsyncIterator[Pool]:
    """For looking on."""
    pool = Pool(lines_url, name="test-lines")
    yield pool
    await pool.stop()


@pytest.fixture
async def traffic(lines_pool: Pool) -> Traffic:
    """Nobody runs yet; every row is there in its first version."""
    traffic, repository = Traffic(TEXTS, ROWS), LineRepository()
    async with lines_pool.transaction() as connection:
        for identity in range(ROWS):
            await repository.add(connection, identity, "traffic", traffic.text(identity, 0))
    return traffic


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of ``migrated_package``."""
    for directory in ("expand", "contract"):
        (tmp_path / PACKAGE / "migrations" / directory).mkdir(parents=True)
    (tmp_path / PACKAGE / "__init__.py").touch()
    write(tmp_path, REVISIONS)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop(PACKAGE, None)
    yield tmp_path
    sys.modules.pop(PACKAGE, None)


@pytest.fixture
def provisioned(postgres_admin_url: str) -> Iterator[str]:
    """A database with the roles and schemas of it, as superuser."""
    provision.provision(ROLES, postgres_admin_url, PASSWORDS)
    yield postgres_admin_url
    with psycopg.connect(postgres_admin_url) as connection:
        for role in ROLES.roles:
            connection.execute(f"DROP OWNED BY {role} CASCADE")
            connection.execute(f"DROP ROLE {role}")
