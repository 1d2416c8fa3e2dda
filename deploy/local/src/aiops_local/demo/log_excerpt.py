"""The newest part of a log file, in whole lines."""

from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Whole lines of a log as text; `cut` says whether there was more before them."""

    text: str
    cut: bool

    @property
    def line_count(self) -> int:
        return len(self.text.splitlines())


def newest_lines(path: Path, max_bytes: int = MAX_BYTES) -> Excerpt:
    """As many of the last whole lines of `path` as `max_bytes` bytes hold; a line that is still being written is left.

    Bytes that are not UTF-8 become U+FFFD and NUL characters go, because the API refuses both. Raises
    FileNotFoundError.
    """
    with path.open("rb") as file:
        start = max(0, file.seek(0, 2) - max_bytes)
        # One byte more tells whether the excerpt would begin inside a line.
        file.seek(max(0, start - 1))
        data = file.read(max_bytes + min(start, 1))
    if start > 0:
        data = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
    data = data[: data.rfind(b"\n") + 1]
    # A U+FFFD takes three bytes: replacing must not take the text over the limit.
    text = data.decode(errors="replace").replace("\x00", "")
    while len(text.encode()) > max_bytes:
        text = text.partition("\n")[2]
    return Excerpt(text, cut=start > 0)
