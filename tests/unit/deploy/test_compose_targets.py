"""What `make` does about containers, with a docker that writes down how it was called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aiops_local import virtualenv
from support.servers import ROOT

CORE = ("gateway", "postgres")
OF_PROFILES = ("jaeger", "llm")
# `config --services` names what the profiles name; everything else succeeds, or fails with DOCKER_EXIT.
DOCKER = f"""#!/bin/sh
echo "$*" >> "$DOCKER_CALLS"
case "$*" in
  *"--profile * config --services") printf '%s\\n' {" ".join(CORE + OF_PROFILES)} ;;
  *"config --services") printf '%s\\n' $DOCKER_WANTED ;;
  *) exit "$DOCKER_EXIT" ;;
esac
"""
COMPOSE = "compose --env-file .local/compose.env"


class Checkout:
    """A copy of what the targets need, where `make clean` may remove what it likes."""

    def __init__(self, root: Path) -> None:
        self.root, self._calls = root, root / "docker.calls"
        for file in ("Makefile", "docker-compose.yml", "deploy/compose/environment.py"):
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, root / file)
        (root / "bin").mkdir()
        (root / "bin" / "docker").write_text(DOCKER)
        (root / "bin" / "docker").chmod(0o755)

    def make(self, *words: str, wanted: tuple[str, ...] = CORE, docker_exit: int = 0) -> str:
        """What it printed. Raises CalledProcessError."""
        variables = {
            "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
            "DOCKER_CALLS": str(self._calls),
            "DOCKER_WANTED": " ".join(wanted),
            "DOCKER_EXIT": str(docker_exit),
        }
        command = ["make", f"PYTHON={sys.executable}", *words]
        return subprocess.run(
            command,
            cwd=self.root,
            env=variables,
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ).stdout

    def calls(self) -> list[str]:
        """How docker was called."""
        return self._calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("profiles", ["observability llm", "observability,llm"])
def test_profiles_are_parted_by_commas_or_blanks(checkout: Checkout, profiles: str) -> None:
    checkout.make("compose-up", f"PROFILES={profiles}", wanted=CORE + OF_PROFILES)
    assert "COMPOSE_PROFILES=llm,observability\n" in (checkout.root / ".local/compose.env").read_text(encoding="utf-8")
    assert not [call for call in checkout.calls() if " stop" in call]


def test_what_no_profile_asks_for_any_more_is_stopped_after_the_rest_is_up(checkout: Checkout) -> None:
    checkout.make("compose-up", wanted=(*CORE, "llm"))
    calls = checkout.calls()
    assert calls[0].startswith(f"{COMPOSE} up ")
    assert calls[-1] == f"{COMPOSE} --profile * stop jaeger"


def test_nothing_is_stopped_where_the_start_failed(checkout: Checkout) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        checkout.make("compose-up", docker_exit=1)
    assert not [call for call in checkout.calls() if " stop" in call]


def test_clean_goes_on_where_docker_cannot(checkout: Checkout) -> None:
    checkout.make("compose-up")
    (checkout.root / ".venv").mkdir()
    printed = checkout.make("clean", docker_exit=1)
    assert checkout.calls()[-1] == f"{COMPOSE} --profile * down --volumes"
    assert "docker compose -p aiops down --volumes" in printed
    assert not (checkout.root / ".local").exists()
    assert not (checkout.root / ".venv").exists()


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A checkout whose `.venv` is up to date, for the interpreter of this test."""
    shutil.copytree(
        ROOT / "deploy" / "local", tmp_path / "deploy" / "local", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "requirements.lock").write_text("uv==1.0\n    --hash=sha256:00\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").touch()
    (tmp_path / ".venv" / ".stamp").write_text(virtualenv.fingerprint(tmp_path, tmp_path / ".venv"))
    return tmp_path


def test_the_demo_in_containers_needs_no_program_but_python(prepared: Path) -> None:
    def bootstrap(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, prepared / "deploy/local/bootstrap.py", *arguments],
            env={"PATH": str(prepared / "nothing-here")}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    alone = bootstrap("--python-only")
    assert (alone.returncode, alone.stderr) == (0, "")
    assert alone.stdout.startswith("setup up to date")
    assert "Node.js" not in alone.stdout
    assert bootstrap().returncode == 2


def test_the_demo_in_containers_asks_for_no_more(checkout: Checkout) -> None:
    printed = checkout.make("--dry-run", "compose-demo", "SETUP=set-up")
    assert [line for line in printed.splitlines() if "set-up" in line] == ["set-up --python-only"]
