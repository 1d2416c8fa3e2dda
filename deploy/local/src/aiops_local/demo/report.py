"""How the demo speaks: headings, results and progress; plain text where nobody watches a terminal."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from aiops_local.demo.client import Json

WIDTH = 100
SEVERITY_STYLES = {"CRITICAL": "bold red", "HIGH": "red", "MEDIUM": "yellow", "LOW": "green"}
PRIORITY_STYLES = {"P1": "bold red", "P2": "red", "P3": "yellow", "P4": "green"}


def terminal_or_plain() -> Console:
    """A console of at most 100 columns; exactly that many, without colour, where the output is not a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        return Console(highlight=False, width=WIDTH, no_color=True)
    console.width = min(console.width, WIDTH)
    return console


class Report:
    """Writes to `console`."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def heading(self, text: str) -> None:
        """The beginning of a step."""
        self.console.print()
        self.console.print(Rule(Text(text, style="bold"), align="left", style="cyan"))

    def done(self, *parts: str | Text) -> None:
        """Something that went as it should."""
        self._marked("✓", "bold green", *parts)

    def failed(self, *parts: str | Text) -> None:
        """Something that did not."""
        self._marked("✗", "bold red", *parts)

    def note(self, text: str) -> None:
        """Something to know beside the results."""
        self._marked("·", "dim", Text(text, style="dim"))

    def show(self, result: RenderableType) -> None:
        """A result, indented like the text of the lines above it."""
        self.console.print(Padding(result, (0, 0, 0, 4), expand=False))

    def quote(self, lines: str) -> None:
        """Lines of a log as they are, so that they can be copied."""
        self.console.print(Text(lines, style="dim"), soft_wrap=True)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Say that something takes a while: by a spinner on a terminal, by one line and its duration elsewhere."""
        if self.console.is_terminal:
            with self.console.status(Text(f"{what} …", style="dim"), spinner_style="cyan"):
                yield
            return
        began = time.monotonic()
        self.console.print(Text(f"  … {what}"))
        yield
        self.console.print(Text(f"    took {time.monotonic() - began:.1f} s"))

    def _marked(self, mark: str, style: str, *parts: str | Text) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(f"  {mark}", style=style), Text("").join(_text(part) for part in parts))
        self.console.print(line)


def facts(rows: Iterable[tuple[str, str | Text]]) -> Table:
    """Names and values below each other."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, _text(value))
    return grid


def table(*headings: str, **options: str) -> Table:
    """A table without lines; `options` gives columns by heading a justification ("right")."""
    plain = Table(box=None, header_style="bold dim", padding=(0, 2, 0, 0), pad_edge=False)
    for heading in headings:
        plain.add_column(heading, justify="right" if options.get(heading) == "right" else "left", overflow="fold")
    return plain


def origin(result: Json) -> list[tuple[str, str | Text]]:
    """Where to find a result again: its id, and its trace."""
    return [("id", result["id"]), ("trace", result["traceId"] or "not traced")]


def engine(provenance: Json) -> Text:
    """Who answered: the language model, the built-in engine, or that one in place of the model and why."""
    took = f"  {provenance['durationMs']} ms"
    if provenance["degraded"]:
        return Text(f"BUILTIN in place of the LLM: {provenance['degradedReason']}", style="yellow") + Text(took)
    model = f" ({provenance['model']})" if provenance["model"] else ""
    return Text(f"{provenance['engine']}{model}", style="cyan") + Text(took)


def severity(value: str) -> Text:
    """A severity in its colour."""
    return Text(value, style=SEVERITY_STYLES.get(value, ""))


def stacked(*parts: RenderableType) -> Group:
    """Results below each other."""
    return Group(*parts)


def _text(part: str | Text) -> Text:
    # Never markup: titles and log lines may hold square brackets.
    return part if isinstance(part, Text) else Text(part)
