"""A schema that breaks clients of the committed one is not written, unless somebody says so."""

import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).parents[3]
# docs/ is run from the root of the checkout and installed nowhere.
changes = run_path(str(ROOT / "docs" / "reference" / "breaking.py"))["changes"]
SCHEMA = "docs/schema.graphql"
BEFORE = "type Query { a(b: Int): Int  c: E } enum E { X Y } input I { d: ID } scalar S union U = Query"


def _generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "docs.generate", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose committed schema has a field that the code has not; all else is missing."""
    (tmp_path / "docs").mkdir()
    for service in ROOT.glob("services/*/pyproject.toml"):
        (tmp_path / "services" / service.parent.name).mkdir(parents=True)
    committed = (ROOT / SCHEMA).read_text(encoding="utf-8")
    (tmp_path / SCHEMA).write_text(
        committed.replace("type Query {", "type Query {\n  gone: Int\n", 1), encoding="utf-8"
    )
    return tmp_path


def test_the_present_schema_breaks_no_client_of_the_committed_one() -> None:
    present = subprocess.run(
        [sys.executable, "-m", "aiops_gateway", "schema"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    told = changes((ROOT / SCHEMA).read_text(encoding="utf-8"), present)
    assert told == [], "\n".join(told)


def test_nothing_is_written_and_each_change_is_told(checkout: Path) -> None:
    before = (checkout / SCHEMA).read_text(encoding="utf-8")
    done = _generate(str(checkout))
    assert done.returncode == 1
    assert "Field Query.gone was removed." in done.stderr
    assert "--accept-breaking" in done.stderr
    assert (checkout / SCHEMA).read_text(encoding="utf-8") == before
    assert not (checkout / "docs" / "api.md").exists()


def test_it_is_written_where_somebody_says_so(checkout: Path) -> None:
    done = _generate("--accept-breaking", str(checkout))
    assert (done.returncode, done.stderr) == (0, "")
    assert "gone: Int" not in (checkout / SCHEMA).read_text(encoding="utf-8")
    assert _generate("--check", str(checkout)).returncode == 0


def test_a_check_tells_it_too(checkout: Path) -> None:
    assert "Query.gone was removed" in _generate("--check", str(checkout)).stderr


@pytest.mark.parametrize("arguments", [["--sure"], ["--check", "a", "b"], ["a", "b"]])
def test_another_usage_is_refused(arguments: list[str]) -> None:
    done = _generate(*arguments)
    assert done.returncode == 2
    assert "--accept-breaking" in done.stderr


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (BEFORE, ""),
        (BEFORE.replace("a(b: Int): Int", "a(b: Int, z: Int): Int!  n: Int"), ""),
        (BEFORE.replace("a(b: Int): Int", "n: Int"), "Query.a was removed"),
        (BEFORE.replace("a(b: Int): Int", "a: Int"), "Argument Query.a(b:) was removed"),
        (BEFORE.replace("b: Int", "b: Int!"), "Argument Query.a(b:) has changed type from Int to Int!"),
        (BEFORE.replace("a(b: Int): Int", "a(b: Int): String"), "Query.a changed type from Int to String"),
        (BEFORE.replace("X Y", "X"), "Enum value E.Y was removed"),
        (BEFORE.replace("d: ID", "d: ID, e: ID!"), "A required field I.e was added"),
        (BEFORE.replace("scalar S", ""), "S was removed"),
    ],
)
def test_what_breaks_clients(after: str, told: str) -> None:
    found = changes(BEFORE, after)
    assert bool(found) == bool(told)
    assert told in " ".join(found)


def test_where_nothing_was_committed_nothing_breaks() -> None:
    assert changes("", BEFORE) == []
