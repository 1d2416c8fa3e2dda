import ast
import sys
from pathlib import Path

import pytest

import aiops_local
from aiops_local import virtualenv
from aiops_local.packages import NeedsRoot, install, missing

PACKAGE = Path(aiops_local.__file__).parent
BEFORE_THE_ENVIRONMENT = ("installations.py", "node.py", "packages.py", "virtualenv.py", "../../bootstrap.py")


@pytest.mark.parametrize("module", BEFORE_THE_ENVIRONMENT)
def test_set_up_needs_nothing_beside_the_standard_library(module: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse((PACKAGE / module).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name.split(".")[1] for name in imported if name.startswith("aiops_local.")}

    assert {name.split(".")[0] for name in imported} - set(sys.stdlib_module_names) <= {"aiops_local"}
    assert ours <= {Path(file).stem for file in BEFORE_THE_ENVIRONMENT}


def checkout(root: Path) -> Path:
    for member in ("libs/contracts", "services/auth", "deploy/local"):
        (root / member).mkdir(parents=True)
        (root / member / "pyproject.toml").write_text(f"# {member}\n")
    (root / "requirements.lock").write_text("uv==1.0\n    --hash=sha256:00\n")
    return root


def up_to_date(root: Path) -> None:
    """What a finished set-up of `root` leaves."""
    directory = root / ".venv"
    (directory / "bin").mkdir(parents=True)
    (directory / "bin" / "python").touch()
    (directory / ".stamp").write_text(virtualenv.fingerprint(root, directory))


def test_nothing_is_done_when_nothing_changed(tmp_path: Path) -> None:
    up_to_date(checkout(tmp_path))

    assert virtualenv.prepare(tmp_path) is False


@pytest.mark.parametrize("file", ["requirements.lock", "services/auth/pyproject.toml"])
def test_another_lock_file_or_project_is_noticed(tmp_path: Path, file: str) -> None:
    root = checkout(tmp_path)
    before = virtualenv.fingerprint(root, root / ".venv")

    with (root / file).open("a") as changed:
        changed.write("\n")

    assert virtualenv.fingerprint(root, root / ".venv") != before


def test_an_environment_that_was_copied_here_is_noticed(tmp_path: Path) -> None:
    root = checkout(tmp_path)

    assert virtualenv.fingerprint(root, root / ".venv") != virtualenv.fingerprint(root, tmp_path / "copy" / ".venv")


def test_another_active_environment_is_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    monkeypatch.setenv("PIP_TARGET", "/somewhere/else")

    assert "/somewhere/else" not in virtualenv.clean_environment().values()


def test_a_program_that_is_there_needs_no_package() -> None:
    assert "sh" not in missing(["sh"])
    assert "no-such-program" in missing(["no-such-program"])


def test_without_root_the_command_to_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt_get = tmp_path / "apt-get"
    apt_get.write_text("#!/bin/sh\nexit 99\n")
    apt_get.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(NeedsRoot, match=r"sudo apt-get install -y --no-install-recommends postgresql rabbitmq-server$"):
        install(["postgresql", "rabbitmq-server"])
