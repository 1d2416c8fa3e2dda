"""``python -m deploy.checks.migrations SQUAWK``: what the linter squawk finds in the SQL of all migrations.

Each revision is one file, as it runs: Alembic writes the SQL without a database, with its transactions and behind the
timeouts that ``migrate`` sets. deploy/checks/migrations.yaml holds what may stay, with the reason.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from aiops_common.postgres.migration_session import LOCK_TIMEOUT
from aiops_common.postgres.revisions import Phase, statements

ROOT = Path(__file__).parents[2]
EXPLAINED = Path(__file__).with_suffix(".yaml")
SESSION = f"SET lock_timeout TO '{LOCK_TIMEOUT}';\nSET statement_timeout TO 0;\n"
PHASES: tuple[Phase, ...] = ("expand", "contract")
EXAMPLE = "examples.renamed_field.release_3"


class Explained(BaseModel):
    """What may stay: rules for all revisions, and rules of single ones, each with its reason."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: dict[str, str]
    findings: dict[str, dict[str, str]]


class Finding(NamedTuple):
    """A rule that the SQL of a revision breaks in a line."""

    revision: str
    rule: str
    line: int
    message: str


def packages() -> list[str]:
    """Every package with migrations; of the example the last release, which has those of the others too."""
    services = sorted(path.parent.name for path in (ROOT / "services").glob("*/src/*/migrations"))
    return [*services, EXAMPLE]


def sql_of_all(packages: Collection[str]) -> dict[str, str]:
    """The SQL of each revision, as ``migrate`` executes it."""
    return {
        revision: SESSION + text
        for package in packages
        for phase in PHASES
        for revision, text in statements(package, phase).items()
    }


def found(squawk: str, revisions: Mapping[str, str], without: Collection[str]) -> Iterator[Finding]:
    """What ``squawk`` finds in the SQL of ``revisions``, leaving out the rules ``without``."""
    with tempfile.TemporaryDirectory() as folder:
        for revision, sql in revisions.items():
            (Path(folder) / f"{revision}.sql").write_text(sql, encoding="utf-8")
        command = [squawk, "--reporter", "json", *(f"--exclude={rule}" for rule in without), f"{folder}/*.sql"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    try:
        listed = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise SystemExit(f"{squawk} did not answer as expected: {done.stderr or done.stdout}") from None
    for one in listed:
        yield Finding(Path(one["file"]).stem, one["rule_name"], one["line"] + 1, one["message"])


def problems(findings: Collection[Finding], explained: Explained) -> list[str]:
    """Findings that nobody explained, and explanations of what is not found."""
    told = [
        f"{one.revision}, line {one.line} of its SQL: {one.rule}: {one.message}"
        for one in findings
        if one.rule not in explained.findings.get(one.revision, {})
    ]
    broken = {(one.revision, one.rule) for one in findings}
    return told + [
        f"{EXPLAINED.name} explains {rule} of {revision}, which squawk does not find: remove it"
        for revision, rules in explained.findings.items()
        for rule in rules
        if (revision, rule) not in broken
    ]


def main(squawk: str) -> int:
    """Tell what is found; 1 where something is."""
    explained = Explained.model_validate(yaml.safe_load(EXPLAINED.read_text(encoding="utf-8")))
    revisions = sql_of_all(packages())
    findings = list(found(squawk, revisions, explained.rules))
    told = problems(findings, explained)
    sys.stdout.write("\n".join(told) or f"squawk: {len(revisions)} revisions, {len(findings)} findings, all explained")
    sys.stdout.write("\n")
    return 1 if told else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m deploy.checks.migrations SQUAWK")
    raise SystemExit(main(sys.argv[1]))
