"""A span while it is recorded: the OpenTelemetry API's, kept as plain as what is exported of it.

Why not the SDK's: docs/adr/0011-spans-are-recorded-by-our-own-recorder.md.
"""

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import Attributes, AttributeValue

MOST_ATTRIBUTES: Final = 128
MOST_EVENTS: Final = 128
MOST_LINKS: Final = 128
"""The specification's limits: https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits"""
_FRAMES = 20


class SpanEvent(NamedTuple):
    """Something that happened at ``timestamp``, nanoseconds since the epoch."""

    name: str
    attributes: Mapping[str, AttributeValue]
    timestamp: int


class RecordedSpan(Span):
    """Hands itself to ``ended`` when it ends, and ignores what is said to it afterwards.

    An exception leaves its type and where it came from, never its message, which may quote what a client wrote. What
    goes beyond the limits is left out.
    """

    __slots__ = (
        *("attributes", "context", "end_time", "events", "kind", "links", "name", "parent", "scope", "start_time"),
        *("_ended", "status_code", "status_description"),
    )

    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        scope: str,
        attributes: Attributes,
        links: Sequence[Link] | None,
        start_time: int | None,
        ended: Callable[["RecordedSpan"], None],
    ) -> None:
        self.name = name
        self.context = context
        self.parent = parent
        self.kind = kind
        self.scope = scope
        self.attributes: dict[str, AttributeValue] = dict(attributes) if attributes else {}
        self.links: Sequence[Link] = links[:MOST_LINKS] if links else ()
        self.events: list[SpanEvent] | None = None
        self.status_code = StatusCode.UNSET
        self.status_description: str | None = None
        self.start_time = start_time or time.time_ns()
        self.end_time = 0
        self._ended = ended

    def get_span_context(self) -> SpanContext:
        """What identifies it in this process and in others."""
        return self.context

    def is_recording(self) -> bool:
        """Until it has ended."""
        return not self.end_time

    def end(self, end_time: int | None = None) -> None:
        """Once; ``end_time`` in nanoseconds since the epoch."""
        if self.end_time:
            return
        self.end_time = end_time or time.time_ns()
        self._ended(self)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set ``key``, in place of what was there."""
        if not self.end_time and (len(self.attributes) < MOST_ATTRIBUTES or key in self.attributes):
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set each of them."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Something happened, now or at ``timestamp`` in nanoseconds since the epoch."""
        if self.end_time:
            return
        self.events = self.events or []
        if len(self.events) < MOST_EVENTS:
            self.events.append(SpanEvent(name, dict(attributes or {}), timestamp or time.time_ns()))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Another span has to do with this one."""
        if not self.end_time and len(self.links) < MOST_LINKS:
            self.links = (*self.links, Link(context, attributes))

    def update_name(self, name: str) -> None:
        """Call it ``name`` from now on."""
        if not self.end_time:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """How it went; OK is final, and UNSET changes nothing, as the specification has it.

        Of a description only what stands before a colon is kept: the API's ``use_span`` puts an exception's message
        behind one.
        """
        code, told = (status.status_code, status.description) if isinstance(status, Status) else (status, description)
        if self.end_time or code is StatusCode.UNSET or self.status_code is StatusCode.OK:
            return
        self.status_code = code
        self.status_description = told.partition(":")[0] if told and code is StatusCode.ERROR else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Its type and the lines of code that it passed."""
        passed = traceback.format_tb(exception.__traceback__)[-_FRAMES:]
        told: dict[str, AttributeValue] = {
            "exception.type": _name(type(exception)),
            "exception.stacktrace": "".join(passed),
            "exception.escaped": escaped,
        }
        self.add_event("exception", told | dict(attributes or {}), timestamp)


def _name(kind: type[BaseException]) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
