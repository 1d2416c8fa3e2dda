"""`make check-deploy` on migrations: every revision is looked at, as it runs, and what stays is explained."""

from pathlib import Path

import pytest
import yaml
from deploy.checks.migrations import EXPLAINED, Explained, Finding, found, packages, problems, sql_of_all

from architecture.sources import ROOT, python_files, services

SQUAWK = ROOT / ".venv-checks/bin/squawk"
BLOCKING = "BEGIN; ALTER TABLE tickets ADD COLUMN n bigint NOT NULL; CREATE INDEX n ON tickets (n); COMMIT;"
FINDING = Finding("a_0001", "ban-drop-column", 3, "Dropping a column may break existing clients.")


def test_every_revision_is_looked_at() -> None:
    assert {f"aiops_{service}" for service in services()} < set(packages())
    files = [path for path in python_files("services") if "migrations" in path.parts and path.name != "__init__.py"]
    revisions = sql_of_all([package for package in packages() if package.startswith("aiops_")])
    assert len(revisions) == len(files) > 0


def test_the_sql_is_what_runs_with_its_transactions_and_timeouts() -> None:
    sql = sql_of_all(["aiops_gateway"])["gateway_0005"]
    assert sql.startswith("SET lock_timeout TO '5s';\nSET statement_timeout TO 0;\nBEGIN;")
    before, inside, _ = sql.split("COMMIT;", 2)[0], *sql.split("COMMIT;")[1:3]
    assert "ADD COLUMN IF NOT EXISTS traceparent" in before
    assert "CREATE INDEX CONCURRENTLY" in inside.split("BEGIN;")[0]


def test_what_is_found_must_be_explained_and_what_is_explained_must_be_found() -> None:
    explained = Explained(rules={}, findings={"a_0001": {"ban-drop-column": "nobody reads it"}})
    assert problems([FINDING], explained) == []
    assert problems([FINDING], Explained(rules={}, findings={})) == [
        "a_0001, line 3 of its SQL: ban-drop-column: Dropping a column may break existing clients."
    ]
    assert problems([], explained) == [
        "migrations.yaml explains ban-drop-column of a_0001, which squawk does not find: remove it"
    ]


def test_explanations_have_words() -> None:
    explained = Explained.model_validate(yaml.safe_load(EXPLAINED.read_text(encoding="utf-8")))
    reasons = [*explained.rules.values(), *(why for rules in explained.findings.values() for why in rules.values())]
    assert [reason for reason in reasons if len(reason) < 40] == []


@pytest.mark.skipif(not SQUAWK.exists(), reason="needs squawk, which `make check-deploy` installs")
def test_squawk_finds_what_would_hold_a_table() -> None:
    told = {one.rule for one in found(str(SQUAWK), {"a_0001": BLOCKING}, ["require-timeout-settings"])}
    assert {"adding-required-field", "require-concurrent-index-creation"} <= told
    assert "require-timeout-settings" not in told


def test_a_squawk_that_is_not_one_is_named(tmp_path: Path) -> None:
    program = tmp_path / "squawk"
    program.write_text("#!/bin/sh\necho no such option >&2\n")
    program.chmod(0o755)
    with pytest.raises(SystemExit, match="no such option"):
        list(found(str(program), {"a_0001": BLOCKING}, []))
