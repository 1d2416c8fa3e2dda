"""The spans that the services wrote, read from the file that all of them append to.

Format of the file: aiops_common.telemetry.file.FileSpanExporter.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_RECENT = 8


@dataclass(frozen=True, slots=True)
class Span:
    """Times are nanoseconds since the epoch, `attributes` OpenTelemetry's, `links` have the form trace id:span id."""

    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Spans by the id of each trace that matches, and (id, first two spans' names, start) of the newest traces."""

    traces: dict[str, list[Span]]
    newest: list[tuple[str, str, int]]


def read_spans(lines: Iterable[bytes]) -> Iterator[Span]:
    """The spans on `lines`; a line that is not one (a process ended while writing it) is left out."""
    for line in lines:
        try:
            raw = json.loads(line)
            yield Span(**{name: raw[name] for name in Span.__slots__})
        except (ValueError, KeyError, TypeError):
            continue


def search(spans: Iterable[Span], prefix: str) -> Found:
    """Look for traces whose id begins with `prefix`, holding no more than those and a few others at a time."""
    traces: dict[str, list[Span]] = {}
    recent: dict[str, list[tuple[int, str]]] = {}
    for span in spans:
        if span.trace_id.startswith(prefix):
            traces.setdefault(span.trace_id, []).append(span)
        # Re-inserted at the end: what was written to last is the newest.
        names = recent.pop(span.trace_id, [])
        recent[span.trace_id] = sorted([*names, (span.start_ns, span.name)])[:2]
        if len(recent) > _RECENT:
            del recent[next(iter(recent))]
    newest = [
        (trace_id, " › ".join(name for _, name in names), names[0][0]) for trace_id, names in reversed(recent.items())
    ]
    return Found(traces, newest)
