"""The template store: exact counts per template, in bounded memory, whatever is streamed into it.

While the number of distinct masked messages stays below the cap, the result does not depend on their order: variable
words are generalised at the end, from all of them. Above it the store generalises in between, and what then still has
no room is counted in the bucket "other".
"""

import hashlib
from typing import Final

from aiops_summarizer.domain import LogLevel
from aiops_summarizer.engine.generalise import Matcher, generalise
from aiops_summarizer.engine.samples import Reservoir, slot_values
from aiops_summarizer.engine.shown import packed, shown, unpacked
from aiops_summarizer.engine.traces import Trace

OTHER: Final = "(other)"
"""Template of the lines that found no room in the store."""

CONTINUATION: Final = "(continuation)"
"""Template of all lines that continue another line: stack traces, wrapped text, blank lines."""

NOT_TEXT: Final = "(not text)"
"""Template of the lines that are data rather than text."""

SPECIAL: Final = frozenset((OTHER, CONTINUATION, NOT_TEXT))
"""Templates of no message; a message that says the same is counted in quotation marks."""

_MAX_BUCKETS: Final = 128


class Statistics:
    """What is known about the lines of one template. Times are microseconds since 1970 UTC.

    Exact: ``count``, ``levels``, ``first``, ``last``, ``first_line``, ``buckets``. Estimated from a sample that a
    seed draws from all lines, so the same in every run, and exact up to 24 lines: ``values``.
    """

    __slots__ = (
        "_example",
        "_message",
        "buckets",
        "count",
        "first",
        "first_line",
        "last",
        "last_line",
        "levels",
        "sample",
        "starts",
        "template",
        "trace",
    )

    def __init__(self, first_line: int, example: str, message: str) -> None:
        self.count = 0
        self.levels: dict[LogLevel | None, int] = {}
        self.starts: dict[LogLevel | None, tuple[int, int | None]] = {}
        """Line and time of the first line that was written at each level."""
        self.first: int | None = None
        self.last: int | None = None
        self.first_line = first_line
        self._example = packed(example)
        self._message = packed(message)
        self.template = ""
        self.sample = Reservoir(example)
        self.buckets: dict[int, int] = {}
        self.last_line = first_line
        self.trace: Trace | None = None
        """The stack trace that followed the first line, if one did."""

    @property
    def example(self) -> str:
        """The first line."""
        return unpacked(self._example)

    @property
    def message(self) -> str:
        """The first line without its header."""
        return unpacked(self._message)

    @message.setter
    def message(self, message: str) -> None:
        self._message = packed(message)

    def absorb(self, other: "Statistics") -> None:
        """Add the lines of ``other``; the earlier line stays the example."""
        self.sample.absorb(other.sample, self.count, other.count)
        self.count += other.count
        for level, count in other.levels.items():
            self.levels[level] = self.levels.get(level, 0) + count
        for level, start in other.starts.items():
            self.starts[level] = min(self.starts.get(level, start), start, key=lambda pair: pair[0])
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        times = [time for time in (self.first, other.first) if time is not None]
        self.first = min(times, default=None)
        self.last = max((time for time in (self.last, other.last) if time is not None), default=None)
        if other.first_line < self.first_line:
            self.first_line, self._example, self._message = other.first_line, other._example, other._message
            self.trace = other.trace or self.trace
        else:
            self.trace = self.trace or other.trace
        self.last_line = max(self.last_line, other.last_line)

    @property
    def values(self) -> list[list[tuple[str, int]]]:
        """Per wildcard of ``template`` the commonest values, at most five, with about how many lines have them.

        A slot's list is empty where the values cannot be told apart from the text around them. Long messages take
        no part.
        """
        return slot_values(self.template, self.sample.messages, self.count)

    @property
    def level(self) -> LogLevel:
        """The commonest level that was written; UNKNOWN if none was."""
        written = [(count, level) for level, count in self.levels.items() if level is not None]
        return max(written, key=lambda pair: (pair[0], pair[1].value))[1] if written else LogLevel.UNKNOWN


class TemplateStore:
    """Templates with their statistics; never more than ``cap`` of them, plus the special ones."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._slots: dict[str, int] = {}
        self._statistics: dict[int, Statistics] = {}
        self._templates: list[str] = []
        self._moved: dict[int, int] = {}
        self._general: set[str] = set()
        self._matcher = Matcher(())
        self._full = False
        self.generation = 0
        """Changes whenever templates were merged; slots looked up before are stale then."""
        self.shift = 20
        """Time buckets are 2**shift microseconds wide; the width doubles whenever there would be too many."""
        self._newest: int | None = None
        self._oldest: int | None = None

    def slot(self, template: str, line_number: int, line: str, message: str) -> tuple[int, Statistics]:
        """Number and statistics of the template; made, if there is room, from the line at hand."""
        number = self._slots.get(template)
        if number is None:
            number = self._place(template)
        statistics = self._statistics.get(number)
        if statistics is None:
            statistics = self._statistics[number] = Statistics(line_number, shown(line), shown(message))
            statistics.template = self._templates[number]
        return number, statistics

    def _place(self, template: str) -> int:
        if template in SPECIAL:
            return self._number(template)
        known = self._matcher.match(template)
        if known is not None:
            return self._slots[known]
        if len(self._slots) >= self._cap:
            if self._full:
                return self._number(OTHER)
            self.compact()
            # Compacting costs as much as reading thousands of lines: not again, if it gained next to nothing.
            self._full = len(self._slots) * 10 > self._cap * 9
            return self._place(template)
        return self._number(template)

    def _number(self, template: str) -> int:
        number = self._slots.get(template)
        if number is None:
            number = self._slots[template] = len(self._templates)
            self._templates.append(template)
        return number

    def compact(self) -> None:
        """Generalise variable words and merge the templates that become equal."""
        self.generation += 1
        ordinary = ((template, number) for template, number in self._slots.items() if template not in SPECIAL)
        counts = {template: self._statistics[number].count for template, number in ordinary}
        for template, merged in sorted(generalise(counts).items()):
            if template == merged:
                continue
            source = self._slots.pop(template)
            target = self._number(merged)
            self._general.add(merged)
            self._moved[source] = target
            statistics = self._statistics.pop(source)
            if target in self._statistics:
                self._statistics[target].absorb(statistics)
            else:
                statistics.template = merged
                self._statistics[target] = statistics
        # What was merged before may have been merged again.
        self._general.intersection_update(self._slots)
        self._matcher = Matcher(self._general)

    def note_time(self, time: int) -> int:
        """The bucket of ``time``; widens all buckets first if the log's range has outgrown them."""
        if self._oldest is None or self._newest is None:
            self._oldest = self._newest = time
        elif time < self._oldest:
            self._oldest = time
        elif time > self._newest:
            self._newest = time
        while (self._newest >> self.shift) - (self._oldest >> self.shift) >= _MAX_BUCKETS:
            self.shift += 1
            for statistics in self._statistics.values():
                wider: dict[int, int] = {}
                for bucket, count in statistics.buckets.items():
                    wider[bucket >> 1] = wider.get(bucket >> 1, 0) + count
                statistics.buckets = wider
        return time >> self.shift

    @property
    def span(self) -> range:
        """The time buckets from the oldest to the newest time; empty if the log has no times."""
        if self._oldest is None or self._newest is None:
            return range(0)
        return range(self._oldest >> self.shift, (self._newest >> self.shift) + 1)

    def template_of(self, number: int) -> str:
        """The template that lines of slot ``number`` ended up with."""
        while number in self._moved:
            number = self._moved[number]
        return self._templates[number]

    def items(self) -> list[tuple[str, Statistics]]:
        """Templates and statistics, in order of their first line."""
        found = [(self._templates[number], statistics) for number, statistics in self._statistics.items()]
        return sorted(found, key=lambda item: (item[1].first_line, item[0]))


def template_id(template: str) -> str:
    """Twelve hexadecimal digits that depend on the template's text only."""
    return hashlib.sha256(template.encode("utf-8", "replace")).hexdigest()[:12]
