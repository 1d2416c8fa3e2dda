"""Streams lines through reader, masker and store, in constant memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Final

from aiops_summarizer.engine import continuation
from aiops_summarizer.engine.levels import leading_level
from aiops_summarizer.engine.masking import Masker, normalise
from aiops_summarizer.engine.reader import SAMPLE_LINES, Reader
from aiops_summarizer.engine.templates import CONTINUATION, OTHER, Statistics, TemplateStore

MAX_TEMPLATES: Final = 4096
"""Distinct messages that the store holds at once."""

NO_MESSAGE: Final = "(no message)"
"""Template of the lines that are nothing but a header."""

PEM_LINE: Final = "(PEM block)"
"""What is shown in place of a line of a key or certificate."""

_MAX_EXAMPLE: Final = 1000
_MAX_REMEMBERED: Final = 1 << 15
_SAMPLE_CHARACTERS: Final = 4 << 20
_CONTROL: Final = dict.fromkeys([*range(9), *range(11, 32), 127], "\ufffd")


@dataclass(frozen=True, slots=True)
class Scanned:
    """A log after its lines went through: the statistics are all that is left of them."""

    store: TemplateStore
    line_count: int


def iter_lines(text: str) -> Iterator[str]:
    """The lines of ``text``, without their ends. Only LF and CRLF end a line; the last line needs no end."""
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        if end < 0:
            end = len(text)
        yield text[start:end].removesuffix("\r")
        start = end + 1


def scan(
    lines: Iterable[str],
    *,
    reference: datetime | None = None,
    cap: int = MAX_TEMPLATES,
    assign: Callable[[int], None] | None = None,
) -> Scanned:
    """Read all of ``lines`` once.

    ``reference`` dates timestamps without a year (default: now). ``assign`` is called with each line's slot in the
    store.
    """
    source = iter(lines)
    sample = _sample(source)
    scanner = _Scanner(Reader(sample, reference), TemplateStore(cap))
    for line in chain(_drained(sample), source):
        number = scanner.add(line.rstrip("\r\n"))
        if assign is not None:
            assign(number)
    scanner.store.compact()
    return Scanned(scanner.store, scanner.line_count)


def _sample(source: Iterator[str]) -> deque[str]:
    sample: deque[str] = deque()
    characters = 0
    for line in islice(source, SAMPLE_LINES):
        sample.append(line)
        characters += len(line)
        if characters > _SAMPLE_CHARACTERS:
            break
    return sample


def _drained(sample: deque[str]) -> Iterator[str]:
    while sample:
        yield sample.popleft()


class _Scanner:
    """Holds what has to be remembered from one line to the next."""

    def __init__(self, reader: Reader, store: TemplateStore) -> None:
        self.store = store
        self.line_count = 0
        self._parse = reader.parse
        self._unwrap = reader.unwrap if reader.wrapped else None
        self._structured = reader.structured
        self._mask = Masker().mask
        self._known: dict[str, tuple[int, Statistics]] = {}
        self._owner: Statistics | None = None
        self._in_traceback = False
        self._pem_lines = 0

    def add(self, line: str) -> int:
        """Count one line; returns its slot in the store."""
        self.line_count += 1
        written, payload = self._unwrap(line) if self._unwrap else (None, line)
        parsed = self._parse(payload)
        if self._pem_lines or "-----BEGIN " in line:
            inside = self._pem_lines > 0
            self._pem_lines = continuation.pem_lines_after(line, self._pem_lines)
            if inside and parsed is None:
                return self._continue(PEM_LINE)
        if parsed is None:
            if self._continues(payload):
                return self._continue(payload)
            parsed = None, None, payload
        time, level, message = parsed
        if time is None:
            time = written
        masked = self._mask(message)
        number, statistics = self._known.get(masked) or self._look_up(masked, line, message)
        statistics.count += 1
        if level is None:
            level = leading_level(message)
        levels = statistics.levels
        levels[level] = levels.get(level, 0) + 1
        if time is not None:
            self._note(statistics, time)
        self._owner = statistics
        self._in_traceback = continuation.opens_traceback(message)
        return number

    def _continues(self, line: str) -> bool:
        if self._owner is None:
            return continuation.is_blank(line)
        return continuation.continues(line, structured=self._structured, in_traceback=self._in_traceback)

    def _note(self, statistics: Statistics, time: int) -> None:
        if statistics.first is None or statistics.last is None:
            statistics.first = statistics.last = time
        elif time < statistics.first:
            statistics.first = time
        elif time > statistics.last:
            statistics.last = time
        bucket = self.store.note_time(time)
        buckets = statistics.buckets
        buckets[bucket] = buckets.get(bucket, 0) + 1

    def _look_up(self, masked: str, line: str, message: str) -> tuple[int, Statistics]:
        template = _printable(normalise(masked)) or NO_MESSAGE
        before = self.store.generation
        found = self.store.slot(template, self.line_count, _shown(line), _shown(message))
        if self.store.generation != before or len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[masked] = found
        return found

    def _continue(self, line: str) -> int:
        number, statistics = self.store.slot(CONTINUATION, self.line_count, _shown(line), "")
        statistics.count += 1
        owner = self._owner
        self._in_traceback = self._in_traceback or continuation.opens_traceback(line)
        if owner is not None and owner.count == 1 and (named := continuation.cause(line)):
            # The last exception named is the root: "Caused by" goes down, and a traceback ends with it.
            owner.cause, owner.cause_line = named, self.line_count
        return number


def _printable(text: str) -> str:
    return text if text.isprintable() else text.translate(_CONTROL)


def _shown(line: str) -> str:
    if len(line) > _MAX_EXAMPLE:
        line = line[: _MAX_EXAMPLE - 1] + "…"
    return _printable(line)


__all__ = ["CONTINUATION", "OTHER", "Scanned", "iter_lines", "scan"]
