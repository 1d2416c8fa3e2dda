"""A machine on which programs are looked for, and put."""

from pathlib import Path

import pytest

from aiops_local import go_program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty cache, nothing but the shell's tools on PATH, and no Go; `bin` comes first there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "cp"):
        (tools / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{tools}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(go_program, "_GO", tmp_path / "nowhere")
    return tmp_path


def put(program: Path, text: str) -> Path:
    """An executable file that holds ``text``."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(text)
    program.chmod(0o755)
    return program
