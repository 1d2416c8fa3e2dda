"""`python -m aiops_local.trace ID`: the spans of one trace as a tree.

They come from the stack's Jaeger where it runs and has them, else from the file that all services append to: what
others sent, such as a partner, is in Jaeger only. ID is a trace id or its first 6 or more digits.
"""

import http.client
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from aiops_local.jaeger import JaegerServer
from aiops_local.jaeger_spans import fetch, parse
from aiops_local.spans import Found, Span, read_spans, search

STATE = Path(__file__).resolve().parents[4] / ".local"
SHORTEST_PREFIX = 6

_WHOLE_ID = 32
_WIDTH = 100
_GUIDE = 4  # columns that each level of a rich tree takes
_NUMBERS = 2 * 11
_TIMELINE = 24
_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")
_TOLD = (
    ("http.status_code", "HTTP {}"),
    ("http.response.status_code", "HTTP {}"),
    ("messaging.destination.name", "{}"),
    ("db.operation.batch.size", "batch of {}"),
    ("aiops.attempt", "attempt {}"),
    ("aiops.retry.rung", "rung {}"),
    ("aiops.reason", "{}"),
    ("gen_ai.usage.input_tokens", "{} tokens in"),
    ("gen_ai.usage.output_tokens", "{} tokens out"),
    ("error.type", "{}"),
)
"""Attributes that are shown, and how; the others are where the spans came from."""


@dataclass(slots=True)
class Node:
    """A span and those that it caused, by start."""

    span: Span
    children: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Forest:
    """A whole trace: `roots` have no parent; the parents of `orphans` were not recorded."""

    roots: list[Node]
    orphans: list[Node]


def build(spans: Iterable[Span]) -> Forest:
    """The tree of one trace. Every span is in it exactly once, also where parents are missing or go in circles."""
    nodes = {span.span_id: Node(span) for span in sorted(spans, key=lambda span: span.start_ns)}
    roots, orphans = [], []
    for node in nodes.values():
        parent_id = node.span.parent_id
        if parent_id is None:
            roots.append(node)
        elif parent_id in nodes and not _leads_to(nodes, parent_id, node.span.span_id):
            nodes[parent_id].children.append(node)
        else:
            orphans.append(node)
    return Forest(roots, orphans)


def _leads_to(nodes: Mapping[str, Node], span_id: str, wanted: str) -> bool:
    """Whether the way from a span to its root passes `wanted`, or never ends."""
    seen: set[str] = set()
    current: str | None = span_id
    while current is not None and current in nodes:
        if current == wanted or current in seen:
            return True
        seen.add(current)
        current = nodes[current].span.parent_id
    return False


def render(trace_id: str, spans: list[Span], width: int = _WIDTH) -> Tree:
    """The trace as a tree of `width` columns: service, span, start, duration, and where in the whole it lies."""
    began, ended = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    services = sorted({span.service for span in spans})
    colours = {service: _COLOURS[index % len(_COLOURS)] for index, service in enumerate(services)}
    paint = _Paint(began, max(1, ended - began), colours, width)
    when = datetime.fromtimestamp(began / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    heading = Text("trace ").append(trace_id, style="bold")
    counted = f"{len(spans)} spans of {len(services)} services in {_milliseconds(ended - began)}"
    tree = Tree(heading.append(f"\n{counted}, {when}", style="dim"), guide_style="dim")
    forest = build(spans)
    for root in forest.roots:
        _grow(tree, root, paint, depth=1)
    if forest.orphans:
        marked = tree.add(Text("(the parent of these spans was not recorded)", style="yellow"))
        for orphan in forest.orphans:
            _grow(marked, orphan, paint, depth=2)
    return tree


@dataclass(frozen=True, slots=True)
class _Paint:
    """What all labels of one tree share; times in nanoseconds."""

    began: int
    total: int
    colours: Mapping[str, str]
    width: int

    def label(self, span: Span, depth: int) -> Text:
        """The span in one line, and a second one where it has something to tell."""
        room = max(20, self.width - _GUIDE * depth - _NUMBERS - _TIMELINE - 2)
        colour = self.colours[span.service]
        label = Text(span.service.removeprefix("aiops-"), style=colour).append(f" {span.name}", style="bold default")
        if span.status == "ERROR":
            label.append(" ERROR", style="bold red")
        label.truncate(room, overflow="ellipsis", pad=True)
        offset, duration = span.start_ns - self.began, span.end_ns - span.start_ns
        label.append(f"{'+' + _milliseconds(offset):>11}{_milliseconds(duration):>11}  ", style="default")
        label.append(bar(offset / self.total, duration / self.total), style=colour)
        return label.append(f"\n{_told(span)}", style="dim")


def bar(start: float, length: float, cells: int = _TIMELINE) -> str:
    """Where a span lies in its trace, both given as parts of the whole; at least one cell long."""
    first = min(cells - 1, int(start * cells))
    filled = max(1, min(cells - first, round(length * cells)))
    return "·" * first + "━" * filled + "·" * (cells - first - filled)


def _grow(tree: Tree, node: Node, paint: _Paint, depth: int) -> None:
    branch = tree.add(paint.label(node.span, depth))
    for child in node.children:
        _grow(branch, child, paint, depth + 1)


def _told(span: Span) -> str:
    told = [form.format(span.attributes[name]) for name, form in _TOLD if name in span.attributes]
    return ", ".join([span.kind.lower(), *told])


def _milliseconds(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:,.1f} ms"


def show(path: Path, prefix: str, console: Console, jaeger_url: str = "") -> int:
    """Print the trace; returns the exit code: 0, or 1 where it is not exactly one trace, told with what there is.

    `jaeger_url` is asked first where it is given and the id is whole, or the file at `path` completes it.
    """
    try:
        with path.open("rb") as lines:
            found = search(read_spans(lines), prefix)
    except FileNotFoundError:
        if not jaeger_url:
            console.print(Text(f"there are no traces yet: {path} does not exist; `make up` and send a request"))
            return 1
        found = Found({}, [])
    known = {prefix} if len(prefix) == _WHOLE_ID else set(found.traces)
    if len(known) == 1 and len(prefix) >= SHORTEST_PREFIX:
        [trace_id] = known
        spans = _from_jaeger(jaeger_url, trace_id) or found.traces.get(trace_id, [])
        if spans:
            console.print(render(trace_id, spans, min(console.width, _WIDTH)))
            return 0
    _say_why_not(found, path, prefix, console)
    return 1


def _from_jaeger(url: str, trace_id: str) -> list[Span]:
    if not url:
        return []
    try:
        return parse(fetch(url, trace_id))
    except (OSError, http.client.HTTPException):
        return []  # it is just ending, or starting: the file has the trace too


def _say_why_not(found: Found, path: Path, prefix: str, console: Console) -> None:
    if not prefix:
        console.print(Text("say which trace: make trace ID=<trace id or its beginning>"))
    elif len(prefix) < SHORTEST_PREFIX:
        console.print(Text(f"{prefix} is too short: give at least {SHORTEST_PREFIX} digits of the trace id"))
    elif found.traces:
        console.print(Text(f"{len(found.traces)} traces begin with {prefix}: {', '.join(sorted(found.traces)[:5])}"))
    else:
        console.print(Text(f"no trace begins with {prefix}"))
    console.print(Text("The newest traces:" if found.newest else f"{path} has no traces.", style="dim"))
    for trace_id, names, start_ns in found.newest:
        when = datetime.fromtimestamp(start_ns / 1e9, UTC).strftime("%H:%M:%S")
        console.print(Text(f"  {trace_id}  {when}  {names}"), overflow="ellipsis", no_wrap=True)


def main(
    trace_id: Annotated[str, typer.Argument(metavar="ID", help="A trace id, or its first 6 digits or more.")] = "",
    state: Annotated[Path, typer.Option(help="Where the stack has its files.")] = STATE,
) -> None:
    """Show one trace of the stack."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH, no_color=True)
    jaeger = JaegerServer(state) if state.is_dir() else None
    url = jaeger.url if jaeger and jaeger.pid else ""
    sys.exit(show(state / "traces.jsonl", trace_id.strip().lower(), console, url))


if __name__ == "__main__":
    typer.run(main)
