"""``python -m evals``: what it answers where the data are broken."""

from pathlib import Path

import pytest
from evals.__main__ import main
from typer import Exit


def _returned(data: Path, area: str) -> int:
    with pytest.raises(Exit) as caught:
        main(data, [area])
    return caught.value.exit_code


@pytest.mark.parametrize("content", ['[{"full_text": 3, "spans": 4}]', '{"full_text": [', '{"full_text": "a"}'])
def test_a_broken_file_is_said_and_ends_it_with_2(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "samples.json").write_text(content)
    assert _returned(tmp_path, "redaction") == 2
    assert f"redaction: cannot measure what is in {tmp_path}: " in capsys.readouterr().err


def test_what_is_called_like_a_file_and_is_none_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "samples.json").mkdir()
    (tmp_path / "app.log").mkdir()
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    assert _returned(tmp_path, "redaction") == 2
    assert "redaction: no .log and no .json of samples" in capsys.readouterr().err
