"""The evaluation reads repositories of users, and runs nothing that they configure."""

import subprocess
from pathlib import Path

from evals.changelogs import commits_of

WHEN = "Ada <a@example.org> 1700000000 +0000"
SIGNATURE = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ==\n -----END PGP SIGNATURE-----"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SIGNED = f"tree {EMPTY_TREE}\nauthor {WHEN}\ncommitter {WHEN}\n{SIGNATURE}\n\nfeat: signed\n"


def _git(directory: Path, *arguments: str, said: str | None = None) -> str:
    command = ["git", "-C", str(directory), *arguments]
    done = subprocess.run(command, input=said, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nothing_runs_that_the_repository_configures(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (tmp_path / "run").write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    (tmp_path / "run").chmod(0o755)
    repository = tmp_path / "tool"
    repository.mkdir()
    _git(repository, "init", "--quiet", "--bare", "--initial-branch=main")
    commit = _git(repository, "hash-object", "-t", "commit", "-w", "--stdin", said=SIGNED)
    _git(repository, "update-ref", "refs/heads/main", commit)
    for key, value in (("log.showSignature", "true"), ("gpg.program", str(tmp_path / "run")), ("color.ui", "always")):
        _git(repository, "config", key, value)
    assert [(found.hash, found.message) for found in commits_of(repository)] == [(commit, "feat: signed\n")]
    assert not mark.exists()
    _git(repository, "log")
    assert mark.exists(), "the test proves nothing where git does not ask"
