"""Text with a few kinds of control characters is text; data is not."""

from random import Random

import pytest

from aiops_summarizer.engine.binary import is_text


@pytest.mark.parametrize(
    "line",
    ["8=FIX.4.2\x019=65\x01", "FATAL disk\x07", "ok\x01", "\b\b\b\b 10% done", "größer\x01"],
)
def test_one_or_two_kinds_of_control_characters_are_text(line: str) -> None:
    assert is_text(line.encode())


@pytest.mark.parametrize("line", ["a\0", "\x01\x02\x03 data", "\ufffd\x01", "\x01\ufffd\x02a"])
def test_more_of_them_are_data(line: str) -> None:
    assert not is_text(line.encode())


def test_random_bytes_stay_data() -> None:
    source = Random(4)
    lines = [source.randbytes(80).decode("utf-8", "replace").encode() for _ in range(500)]
    assert not any(map(is_text, lines))
