"""Migrations: one revision id each, one beginning for each branch, and its label on it."""

import ast
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from architecture.sources import ROOT, functions, parsed, python_files, services


@dataclass(frozen=True, slots=True)
class Migration:
    """The identifiers that Alembic reads from a migration."""

    path: Path
    revision: str
    down_revision: str | None
    branch_labels: tuple[str, ...]

    @property
    def phase(self) -> str:
        """``expand`` or ``contract``: the folder it lies in."""
        return self.path.parent.name


def _read(path: Path) -> Migration:
    values = {
        target.id: ast.literal_eval(node.value)
        for node in parsed(path).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in ("revision", "down_revision", "branch_labels")
    }
    return Migration(path, values["revision"], values["down_revision"], tuple(values["branch_labels"] or ()))


def _migrations(service: str | None = None) -> list[Migration]:
    return [
        _read(path)
        for path in python_files("services")
        if "migrations" in path.parts and path.name != "__init__.py" and service in (None, path.parts[1])
    ]


def test_a_revision_id_is_used_once() -> None:
    counts = Counter(migration.revision for migration in _migrations())
    assert counts
    assert [revision for revision, count in counts.items() if count > 1] == []


@pytest.mark.parametrize("service", services())
def test_revisions_carry_the_name_of_their_service(service: str) -> None:
    assert [m.path for m in _migrations(service) if not m.revision.startswith(f"{service}_")] == []


@pytest.mark.parametrize("service", services())
def test_the_first_migration_begins_the_branch_expand(service: str) -> None:
    first = [m for m in _migrations(service) if m.phase == "expand" and m.down_revision is None]
    assert [m.branch_labels for m in first] == [("expand",)], f"{service}: exactly one beginning, labelled expand"


@pytest.mark.parametrize("service", services())
def test_every_migration_lies_in_its_phase_and_follows_one_that_exists(service: str) -> None:
    migrations = _migrations(service)
    assert {m.phase for m in migrations} <= {"expand", "contract"}
    known = {m.revision for m in migrations}
    assert [m.path for m in migrations if m.down_revision is not None and m.down_revision not in known] == []


def test_a_revision_of_the_example_is_the_same_in_every_release() -> None:
    texts: dict[str, set[str]] = {}
    for path in python_files("examples"):
        if "migrations" in path.parts and path.name != "__init__.py":
            texts.setdefault(path.name, set()).add((ROOT / path).read_text(encoding="utf-8"))
    assert texts
    assert [name for name, versions in texts.items() if len(versions) > 1] == []


def test_a_contraction_can_be_taken_back() -> None:
    paths = [path for path in python_files("services", "examples") if path.match("migrations/contract/[0-9]*.py")]
    assert paths
    assert [path for path in paths if "downgrade" not in {f.name for f in functions(parsed(path))}] == []
