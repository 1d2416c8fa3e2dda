"""Streams lines through reader, masker and store, in constant memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Final

from aiops_summarizer.engine import continuation
from aiops_summarizer.engine.binary import is_text
from aiops_summarizer.engine.levels import leading_level
from aiops_summarizer.engine.masking import Masker, normalise, shape_of
from aiops_summarizer.engine.reader import SAMPLE_LINES, Reader
from aiops_summarizer.engine.shown import printable, shown
from aiops_summarizer.engine.templates import CONTINUATION, NOT_TEXT, OTHER, SPECIAL, Statistics, TemplateStore
from aiops_summarizer.engine.traces import Trace

MAX_TEMPLATES: Final = 4096
"""Distinct messages that the store holds at once."""

NO_MESSAGE: Final = "(no message)"
"""Template of the lines that are nothing but a header."""

PEM_LINE: Final = "(PEM block)"
"""What is shown in place of a line of a key or certificate."""

_MAX_REMEMBERED: Final = 1 << 14
_MAX_REMEMBERED_LENGTH: Final = 512
_SAMPLE_CHARACTERS: Final = 4 << 20
_STRAYS: Final = 64
"""Lines without a known header, one after another, from which on the log may have changed its format."""
_MAX_STRAY: Final = 2048
_MAX_ADAPTATIONS: Final = 16


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
        # A crash may leave zeros before the next line.
        number = scanner.add(line.strip("\0\r\n") or line.rstrip("\r\n"))
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
        self._adapt = reader.adapt
        self._adaptations = 0
        self._strays: list[str] = []
        self._last_stray = 0
        self._unwrap = reader.unwrap if reader.wrapped else None
        self._structured = reader.structured
        self._mask = Masker().mask_shape
        self._known: dict[str, tuple[int, Statistics]] = {}
        self._shapes: dict[bytes, tuple[int, Statistics]] = {}
        self._owner: Statistics | None = None
        self._in_traceback = False
        self._in_goroutine = False
        self._pem_lines = 0

    def add(self, line: str) -> int:
        """Count one line; returns its slot in the store."""
        self.line_count += 1
        written, payload = self._unwrap(line) if self._unwrap else (None, line)
        parsed = self._parse(payload)
        if parsed is None or self._pem_lines or "-----BEGIN " in line:
            continued = self._continued(line, payload, has_header=parsed is not None)
            if continued is not None:
                return continued
        time, level, message = parsed or (None, None, payload)
        if time is None:
            time = written
        shape = shape_of(message)
        number, statistics = self._shapes.get(shape) or self._look_up(shape, line, message)
        statistics.count = count = statistics.count + 1
        statistics.last_line = self.line_count
        if count >= statistics.sample.due:
            statistics.sample.offer(count, self.line_count, shown(message))
        if level is None:
            level = leading_level(message)
        levels = statistics.levels
        if level in levels:
            levels[level] += 1
        else:
            levels[level] = 1
            statistics.starts[level] = self.line_count, time
        if time is not None:
            self._note(statistics, time)
        self._owner = statistics
        self._in_traceback = continuation.opens_traceback(message)
        self._in_goroutine = continuation.opens_goroutine(message)
        return number

    def _continued(self, line: str, payload: str, *, has_header: bool) -> int | None:
        """The slot of a line that continues the one before it, counted there; None if it does not."""
        if self._pem_lines or "-----BEGIN " in line:
            inside = self._pem_lines > 0
            self._pem_lines = continuation.pem_lines_after(line, self._pem_lines)
            if inside and not has_header:
                return self._continue(PEM_LINE)
        if has_header:
            return None
        if self._structured:
            self._stray(payload)
        return self._continue(payload) if self._continues(payload) else None

    def _stray(self, line: str) -> None:
        """Notice when a log goes on in another format; what was read until then stays where it was counted."""
        if self.line_count != self._last_stray + 1:
            self._strays.clear()
        self._last_stray = self.line_count
        if line and not line[0].isspace():
            self._strays.append(line[:_MAX_STRAY])
        if len(self._strays) >= _STRAYS and self._adaptations < _MAX_ADAPTATIONS:
            self._adaptations += 1
            self._adapt(self._strays)
            self._strays.clear()

    def _continues(self, line: str) -> bool:
        if self._owner is None:
            return continuation.is_blank(line) or continuation.is_inner_frame(line)
        if self._in_goroutine and continuation.is_call(line):
            return True
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

    def _look_up(self, shape: bytes, line: str, message: str) -> tuple[int, Statistics]:
        if not is_text(shape):
            return self.store.slot(NOT_TEXT, self.line_count, NOT_TEXT, NOT_TEXT)
        masked, is_shared = self._mask(shape, message)
        found = self._known.get(masked) or self._place(masked, line, message)
        if is_shared and len(shape) <= _MAX_REMEMBERED_LENGTH:
            if len(self._shapes) >= _MAX_REMEMBERED:
                self._shapes.clear()
            self._shapes[shape] = found
        return found

    def _place(self, masked: str, line: str, message: str) -> tuple[int, Statistics]:
        template = printable(normalise(masked)) or NO_MESSAGE
        if template in SPECIAL:
            template = f'"{template}"'
        before = self.store.generation
        found = self.store.slot(template, self.line_count, line, message)
        if self.store.generation != before:
            self._shapes.clear()
            self._known.clear()
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        if len(masked) <= _MAX_REMEMBERED_LENGTH:
            self._known[masked] = found
        return found

    def _continue(self, line: str) -> int:
        number, statistics = self.store.slot(CONTINUATION, self.line_count, line, "")
        statistics.count += 1
        statistics.last_line = self.line_count
        owner = self._owner
        self._in_traceback = self._in_traceback or continuation.opens_traceback(line)
        self._in_goroutine = self._in_goroutine or continuation.opens_goroutine(line)
        if owner is not None and owner.count == 1:
            if owner.trace is None:
                owner.trace = Trace()
            owner.trace.read(line, self.line_count)
        return number


__all__ = ["CONTINUATION", "OTHER", "Scanned", "iter_lines", "scan"]
