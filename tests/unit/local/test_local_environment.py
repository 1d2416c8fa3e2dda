import subprocess
from pathlib import Path

from dotenv import dotenv_values

from aiops_local.environment import write_env_file

VALUES = {
    "GATEWAY_URL": "http://127.0.0.1:20000",
    "DATABASE_URL": "postgresql://postgres:a-b_c@127.0.0.1:20001/aiops",
    "OPENAI_BASE_URL": "",
    "ODD": "a b $HOME `id` #c",
}


def test_sh_and_dotenv_read_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "stack.env"
    write_env_file(file, VALUES)

    shown = [
        subprocess.run(
            ["sh", "-c", f'set -a; . "$1"; printf %s "${name}"', "sh", str(file)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in VALUES
    ]

    assert shown == list(VALUES.values())
    assert dotenv_values(file) == VALUES


def test_only_the_owner_can_read_it_even_if_it_was_readable_before(tmp_path: Path) -> None:
    file = tmp_path / "stack.env"
    file.touch(mode=0o644)

    write_env_file(file, VALUES)

    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["stack.env"]
