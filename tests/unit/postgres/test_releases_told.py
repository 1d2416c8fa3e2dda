"""What a process says of its release in the name of a session, and what is understood of it."""

import pytest
from yarl import URL

from aiops_common.postgres.releases import Release, number, release, releases, with_release
from support.servers import SERVICES


@pytest.mark.parametrize(
    "url", ["postgresql://triage:p%40ss@db:5432/aiops", "postgresql://triage@db/aiops?sslmode=verify-full"]
)
def test_what_is_said_is_understood(url: str) -> None:
    told = URL(with_release(url, "triage", "aiops_triage"))
    assert str(told.without_query_params("application_name")) == url
    name = told.query["application_name"]
    assert len(name) < 64  # PostgreSQL cuts longer names
    assert releases([name]) == [release("aiops_triage")]


def test_every_service_has_migrations_that_are_found() -> None:
    assert all(release(f"aiops_{name}").expand > 0 for name in SERVICES)
    assert release("examples.renamed_field.release_3") == Release(2, 3)
    assert release("examples.renamed_field.release_1") == Release(1, 0)


def test_other_sessions_say_nothing() -> None:
    assert releases(["", "aiops-triage", "aiops-triage-relay", "psql", "aiops-triage expand x contract y"]) == []


def test_a_file_without_a_number_is_before_all() -> None:
    assert [number(name) for name in ("0012_more.py", "__init__.py", "__pycache__", "12.py")] == [12, 0, 0, 0]
