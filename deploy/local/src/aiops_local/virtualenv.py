"""Prepares `.venv`: uv from the lock file, everything that the lock file pins, and the workspace's own members.

Standard library only: it makes the environment that holds everything else.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

# These would send packages elsewhere than into .venv, or take them from elsewhere.
_MISLEADING = (
    *("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV"),
    *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_PROJECT_ENVIRONMENT"),
)


def prepare(root: Path) -> bool:
    """Bring `root`/.venv up to date; False when it already was.

    Raises subprocess.CalledProcessError when pip or uv failed (they said why), ValueError when the lock file lacks uv.
    """
    directory, stamp = root / ".venv", root / ".venv" / ".stamp"
    expected = fingerprint(root, directory)
    python = directory / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == expected:
        return False
    stamp.unlink(missing_ok=True)
    if not _is_ours(directory):
        shutil.rmtree(directory, ignore_errors=True)
        _run(sys.executable, "-m", "venv", directory)
    _install_uv(root, directory)
    uv = (directory / "bin" / "uv", "--quiet", "pip")
    _run(*uv, "sync", "--python", python, "--require-hashes", root / "requirements.lock", venv=directory)
    editable = [word for member in members(root) for word in ("--editable", member)]
    # The build back end is in the lock file too, so nothing is fetched unchecked.
    _run(*uv, "install", "--python", python, "--no-deps", "--no-build-isolation", *editable, venv=directory)
    stamp.write_text(expected)
    return True


def members(root: Path) -> list[Path]:
    """The directories of the workspace's distributions, those that others need first."""
    patterns = ("libs/*", "services/*", "deploy/local")
    return [file.parent for pattern in patterns for file in sorted(root.glob(f"{pattern}/pyproject.toml"))]


def fingerprint(root: Path, directory: Path) -> str:
    """Changes with whatever the environment is made from; the path is in it because scripts hold it too."""
    digest = hashlib.sha256(f"{sys.version} {sys.base_prefix} {directory}".encode())
    for file in (root / "requirements.lock", *(member / "pyproject.toml" for member in members(root))):
        digest.update(str(file).encode() + file.read_bytes())
    return digest.hexdigest() + "\n"


def _is_ours(directory: Path) -> bool:
    """Whether `directory` is a working environment of this interpreter, made in this very place and not copied here."""
    try:
        answer = subprocess.run(  # noqa: S603 - the environment's own interpreter
            [directory / "bin" / "python", "-c", "import sys, pip; print(sys.version, sys.base_prefix)"],
            capture_output=True,
            text=True,
            check=True,
            env=clean_environment(),
        )
        made = (directory / "pyvenv.cfg").read_text()
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.strip() == f"{sys.version} {sys.base_prefix}" and f"-m venv {directory}\n" in made


def _install_uv(root: Path, directory: Path) -> None:
    """Install the uv that the lock file pins, checked against its hashes, with the pip that Python brings along."""
    pinned = re.search(r"^uv==.*\n(?: +--hash=.*\n)+", (root / "requirements.lock").read_text(), re.MULTILINE)
    if pinned is None:
        raise ValueError("requirements.lock does not pin uv with its hashes; `make lock` makes it anew")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(pinned.group())
        requirements.flush()
        pip = (directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _run(*pip, "--require-hashes", "--no-deps", "--requirement", requirements.name, venv=directory)


def _run(*argv: str | Path, venv: Path | None = None) -> None:
    environment = clean_environment()
    if venv is not None:
        environment["VIRTUAL_ENV"] = str(venv)
    subprocess.run(argv, check=True, env=environment)  # noqa: S603 - python, pip and uv


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would mislead pip and uv."""
    environment = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
    # Another environment may be active in the caller's shell.
    environment.pop("VIRTUAL_ENV", None)
    # The cache may be on another file system, where uv cannot link and says so for every package.
    environment.setdefault("UV_LINK_MODE", "copy")
    return environment
