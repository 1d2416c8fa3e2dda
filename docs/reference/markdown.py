"""Markdown from values."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars inside of cells are escaped."""
    lines = [list(heads), ["---"] * len(heads), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(values: Iterable[object], otherwise: str = "–") -> str:
    """Values as inline code, or ``otherwise`` where there are none."""
    return ", ".join(f"`{value}`" for value in values) or otherwise


def one_line(text: str) -> str:
    """A docstring as one line; its double backquotes become Markdown's."""
    return " ".join(text.split()).replace("``", "`")
