"""Sniffs the formats of a log from its first lines and turns every line into time, level and message."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from aiops_summarizer.engine.formats import FORMATS, WRAPPERS, Parsed, Parser
from aiops_summarizer.engine.header import learn, parse_any
from aiops_summarizer.engine.timestamps import Clock

SAMPLE_LINES: Final = 1000
"""Lines that are looked at before the first is parsed."""

_LEARNED_FROM: Final = 250
_MAX_HEADERS: Final = 3
_NOTABLE: Final = 0.05
_MAX_SNIFFED: Final = 4096


class Reader:
    """Parses the lines of one log; a log may mix formats.

    ``structured`` tells whether its lines have headers. If they have, a line without one continues the line before it.
    ``wrapped`` tells whether its lines have to be unwrapped first.
    """

    def __init__(self, sample: Sequence[str], reference: datetime | None = None) -> None:
        self._clock = Clock(reference)
        lines = [line[:_MAX_SNIFFED] for line in sample if line.strip()]
        self._unwrap = next((wrapper for wrapper in WRAPPERS if _most(wrapper, lines)), None)
        self.wrapped = self._unwrap is not None
        if self._unwrap is not None:
            lines = [payload[1] for line in lines if (payload := self._unwrap(line))]
        self._parsers = _sniff(lines, self._clock)
        self.structured = bool(self._parsers)

    def adapt(self, lines: Sequence[str]) -> None:
        """Learn the format of ``lines``, which none of those known fits; they stay as they are if it has none."""
        self._parsers = _sniff([line[:_MAX_SNIFFED] for line in lines], self._clock) + self._parsers

    def unwrap(self, line: str) -> tuple[int | None, str]:
        """Time and payload of a line that a container runtime or a runner of several programs has wrapped."""
        payload = self._unwrap(line) if self._unwrap else None
        return (self._clock.parse(payload[0]), payload[1]) if payload else (None, line)

    def parse(self, line: str) -> Parsed | None:
        """Time (microseconds since 1970 UTC), level and message; None if no known header starts the line."""
        for parser in self._parsers:
            parsed = parser(line)
            if parsed is not None:
                return parsed
        return parse_any(line, self._clock) if self._parsers else None


def _most(wrapper: Callable[[str], tuple[str, str] | None], lines: list[str]) -> bool:
    return sum(wrapper(line) is not None for line in lines) * 10 >= len(lines) * 9 > 0


def _sniff(lines: list[str], clock: Clock) -> list[Parser]:
    """The parsers that fit at least a twentieth of the lines, the commonest first."""
    parsers: list[tuple[int, Parser]] = []
    rest = lines
    for build in FORMATS:
        parser = build(clock)
        left = [line for line in rest if parser(line) is None]
        fitting = len(rest) - len(left)
        if fitting and fitting >= _NOTABLE * len(lines):
            parsers.append((fitting, parser))
            rest = left
    for _ in range(_MAX_HEADERS):
        if not rest or len(rest) < _NOTABLE * len(lines):
            break
        header = learn(rest[:: max(1, len(rest) // _LEARNED_FROM)], clock)
        if header is None:
            break
        left = [line for line in rest if header.parse(line) is None]
        if len(left) == len(rest):
            break
        parsers.append((len(rest) - len(left), header.parse))
        rest = left
    parsers.sort(key=lambda fitting: -fitting[0])
    return [parser for _, parser in parsers]
