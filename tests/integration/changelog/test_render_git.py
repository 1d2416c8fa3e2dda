"""``render --git`` on real repositories, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from evals.changelog_history import history, make_repository

COMMITS = history(400, seed=5)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("history.git")
    make_repository(COMMITS, directory)
    return directory


def _render(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aiops_changelog", "render", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _git(directory: Path, *arguments: str, said: str | None = None) -> str:
    who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_CONFIG_GLOBAL": os.devnull}
    who |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "a@example.org"}
    command = ["git", "-C", str(directory), *arguments]
    done = subprocess.run(command, env=os.environ | who, input=said, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _commit(directory: Path, message: str, name: str, content: str) -> None:
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(content)
    _git(directory, "add", "--all")
    _git(directory, "commit", "--quiet", "--file=-", said=message)


def test_every_commit_is_accounted_for(repository: Path) -> None:
    done = _render("--git", repository, "--json")
    draft = json.loads(done.stdout)
    entries = [*(e for part in draft["sections"] for e in part["entries"]), *draft["reverted"], *draft["needs_review"]]
    listed = [commit for entry in entries for commit in entry["commits"]]
    assert sorted(listed) == sorted(told.hash for told in COMMITS)
    assert len({entry["id"] for entry in entries}) == len(entries)
    numbers = [sum(len(e["commits"]) for part in draft["sections"] for e in part["entries"])]
    numbers += [sum(len(e["commits"]) for e in draft[place]) for place in ("reverted", "needs_review")]
    assert done.stderr == "400 commits: {} in sections, {} reverted, {} to review\n".format(*numbers)
    assert draft["bump_reason"]


def test_forms(repository: Path) -> None:
    markdown = _render("--git", repository, "main~3..main", "--release", "v2.0", "--date", "2024-05-01").stdout
    assert markdown.startswith("## [v2.0] - 2024-05-01\n\n### ")
    notes = _render(
        "--git", repository, "main~3..main", "--release", "v2.0", "--notes", "--date", "2024-05-01", "--project", "Demo"
    )
    assert notes.stdout.startswith("Demo v2.0 (2024-05-01)\n\nDemo v2.0 brings ")
    both = _render("--git", repository, "--notes", "--json")
    assert (both.returncode, both.stderr) == (2, "error: --json and --notes are two forms; give one\n")


def test_what_is_no_range_or_no_repository_is_said(repository: Path, tmp_path: Path) -> None:
    turned = _render("--git", repository, "main..main~3")
    assert turned.returncode == 2
    assert "main..main~3 has no commits, but main~3..main has " in turned.stderr
    missing = _render("--git", repository, "v8..v9")
    assert "v8..v9 is not a range of commits in" in missing.stderr
    assert "is not a git repository" in _render("--git", tmp_path).stderr
    assert "not a range" in _render("--git", repository, "--", f"--output={tmp_path / 'x'}").stderr
    assert not (tmp_path / "x").exists()
    _git(tmp_path, "init", "--quiet")
    assert "has no commits yet" in _render("--git", tmp_path).stderr
    none = _render("--git", repository, "main..main")
    assert (none.returncode, none.stdout) == (0, "## [Unreleased]\n")
    assert none.stderr.startswith("no commits in main..main of ")


def test_a_range_that_begins_aside_is_told(repository: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "--quiet", "--bare", str(repository), "copy")
    copy = tmp_path / "copy"
    aside = _git(copy, "commit-tree", "-p", "main~2", "-m", "feat: aside", "main^{tree}")
    _git(copy, "update-ref", "refs/heads/aside", aside)
    done = _render("--git", copy, "aside..main")
    assert done.returncode == 0
    assert "aside is not an ancestor of main: these are the commits of main that it does not have\n" in done.stderr
    for straight in ("main~2..main", "main~2..", "aside...main", "main"):
        assert "ancestor" not in _render("--git", copy, straight).stderr


def test_a_shallow_clone_is_told(repository: Path, tmp_path: Path) -> None:
    _git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{repository}", "shallow")
    done = _render("--git", tmp_path / "shallow")
    assert done.returncode == 0
    assert "is a shallow clone: what is older than its depth is missing" in done.stderr


def test_a_reader_that_has_enough_is_no_error(repository: Path) -> None:
    command = [sys.executable, "-m", "aiops_changelog", "render", "--git", str(repository)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
        assert process.wait(timeout=60) == 0
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_paths_and_patch_ids(tmp_path: Path) -> None:
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    _commit(tmp_path, "feat: begin", "a.py", "one\n")
    _commit(tmp_path, "Improve pool handling", "docs/pool.md", "how\n")
    _git(tmp_path, "checkout", "--quiet", "-b", "stable")
    _commit(tmp_path, "Handle empty pools", "b.py", "two\n")
    _git(tmp_path, "checkout", "--quiet", "main")
    _commit(tmp_path, "feat: more", "c.py", "three\n")
    _commit(tmp_path, "Crash on empty pools", "b.py", "two\n")
    _git(tmp_path, "merge", "--quiet", "--no-edit", "stable", "--strategy=ours")
    assert "Improve pool handling" in _sections(tmp_path)["CHANGED"]
    assert "Improve pool handling" in _sections(tmp_path, "--paths")["INTERNAL"]
    assert {"Handle empty pools", "Crash on empty pools"} <= _sections(tmp_path)["FIXED"]
    assert len(_sections(tmp_path, "--patch-ids")["FIXED"]) == 1


def test_nothing_runs_that_the_repository_configures(tmp_path: Path) -> None:
    repository, mark = tmp_path / "tool", tmp_path / "ran"
    repository.mkdir()
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _commit(repository, "feat: begin", ".gitattributes", "*.py diff=mine\n*.sh diff=other\n")
    _commit(repository, "Handle empty pools", "b.py", "two\n")
    _commit(repository, "Handle more", "b.sh", "two\n")
    (tmp_path / "run").write_text(f"#!/bin/sh\necho $0 $* >> {mark}\nexit 1\n")
    (tmp_path / "run").chmod(0o755)
    keys = ("diff.mine.textconv", "diff.other.command", "diff.external", "core.pager", "core.fsmonitor", "gpg.program")
    for key in (*keys, "pager.log", "core.sshCommand"):
        _git(repository, "config", key, str(tmp_path / "run"))
    for key, value in (("log.showSignature", "true"), ("color.ui", "always"), ("diff.submodule", "diff")):
        _git(repository, "config", key, value)
    for options in ((), ("--paths",), ("--patch-ids",)):
        assert _sections(repository, *options)["FIXED"] == {"Handle empty pools", "Handle more"}
        assert not mark.exists(), mark.read_text()


def test_what_a_partial_clone_lacks_is_not_fetched_in_its_way(tmp_path: Path) -> None:
    origin, mark = tmp_path / "origin", tmp_path / "ran"
    origin.mkdir()
    _git(origin, "init", "--quiet", "--initial-branch=main")
    _git(origin, "config", "uploadpack.allowFilter", "true")
    _commit(origin, "feat: begin", "b.py", "two\n")
    _git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{origin}", "tool")
    (tmp_path / "run").write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    (tmp_path / "run").chmod(0o755)
    _git(tmp_path / "tool", "config", "remote.origin.uploadpack", str(tmp_path / "run"))
    assert _render("--git", tmp_path / "tool").returncode == 0
    done = _render("--git", tmp_path / "tool", "--patch-ids")
    assert not mark.exists()
    assert (done.returncode, done.stdout) == (2, "")
    assert "so leave out --patch-ids: " in done.stderr


def _sections(repository: Path, *options: str) -> dict[str, set[str]]:
    draft = json.loads(_render("--git", repository, "--json", *options).stdout)
    return {part["section"]: {entry["text"] for entry in part["entries"]} for part in draft["sections"]}
