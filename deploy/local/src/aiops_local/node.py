"""Prepares a `node_modules`: what the lock file beside it pins, and nothing else.

Standard library only: set-up runs it before there is a virtual environment.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

_INPUTS = ("package.json", "package-lock.json", ".npmrc")


def prepare(directory: Path) -> bool:
    """Bring `directory`/node_modules up to date; False when it already was.

    Raises subprocess.CalledProcessError when npm failed (it said why).
    """
    stamp = directory / "node_modules" / ".stamp"
    expected = fingerprint(directory)
    if stamp.exists() and stamp.read_text() == expected:
        return False
    npm = shutil.which("npm") or "npm"
    # NODE_ENV may say production in the caller's shell; what is meant here is everything that is pinned.
    argv = [npm, "ci", "--include=dev", "--loglevel=error"]
    subprocess.run(argv, cwd=directory, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - npm, and fixed words
    stamp.write_text(expected)
    return True


def fingerprint(directory: Path) -> str:
    """Changes with whatever `node_modules` is made from; the path is in it, as a copy elsewhere is not trusted."""
    digest = hashlib.sha256(str(directory).encode())
    for name in _INPUTS:
        digest.update(f"\0{name}\0".encode() + (directory / name).read_bytes())
    return digest.hexdigest() + "\n"
