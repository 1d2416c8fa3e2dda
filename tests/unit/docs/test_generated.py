"""What the documentation says of messages, API and services is what the code does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def _check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "docs.generate", "--check", str(root)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_committed_pages_are_what_the_code_says() -> None:
    done = _check(ROOT)
    assert done.returncode == 0, done.stderr


def test_pages_that_are_missing_or_stale_are_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "messages.md").write_bytes((ROOT / "docs" / "messages.md").read_bytes())
    (tmp_path / "docs" / "api.md").write_text("# The GraphQL API of last year\n", encoding="utf-8")
    done = _check(tmp_path)
    assert done.returncode == 1
    assert "docs/api.md is not what the code says; run: make docs" in done.stderr
    assert "docs/schema.graphql is not what the code says" in done.stderr
    assert "services/triage/README.md is not what the code says" in done.stderr
    assert "docs/messages.md" not in done.stderr
