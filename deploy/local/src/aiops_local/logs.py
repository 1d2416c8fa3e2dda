"""`make logs`: the logs of all processes as they grow, each line behind the name of its process."""

import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_magenta", "bright_green")
_PAUSE = 0.2


class Follower:
    """Reads what was appended to one file since the last look, in whole lines."""

    def __init__(self, path: Path, earlier_lines: int) -> None:
        self._path = path
        self._rest = b""
        data = path.read_bytes() if path.exists() else b""
        lines = data.splitlines(keepends=True)
        self._position = len(data) - sum(map(len, lines[max(0, len(lines) - earlier_lines) :]))

    def lines(self) -> list[str]:
        """The complete lines since the last call; a file that shrank was replaced and is read from its start."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._position:
                    self._position, self._rest = 0, b""
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        self._position += len(data)
        *complete, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in complete]


def follow(directory: Path, earlier_lines: int) -> Iterator[tuple[str, str]]:
    """Yield (name, line) of every log in `directory` for ever, new files included, after `earlier_lines` of each."""
    followers: dict[str, Follower] = {}
    while True:
        for path in sorted(directory.glob("*.log")):
            if path.stem not in followers:
                followers[path.stem] = Follower(path, earlier_lines)
        found = False
        for name, follower in followers.items():
            for line in follower.lines():
                found = True
                yield name, line
        if not found:
            time.sleep(_PAUSE)


def show(directory: Path, console: Console, earlier_lines: int) -> None:
    """Print what `follow` yields until interrupted."""
    colours: dict[str, str] = {}
    for name, line in follow(directory, earlier_lines):
        colour = colours.setdefault(name, _COLOURS[len(colours) % len(_COLOURS)])
        console.print(Text(f"{name:<12} │ ", style=colour) + Text(line, style=""), soft_wrap=True)
