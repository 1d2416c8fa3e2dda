"""Finds the root exception of a stack trace, and the frame that is worth opening: the innermost one of that exception.

Java, .NET, JavaScript, Go and Rust write the innermost frame first, Python writes it last. Frames of the program itself
go before those of its libraries, which are known by where package managers and language runtimes put their code.
"""

import re
from dataclasses import dataclass

from aiops_summarizer.engine import continuation
from aiops_summarizer.engine.shown import packed, unpacked

_INNERMOST_LAST = re.compile(r'\s*File "([^"]+)", line (\d+)(?:, in (\S+))?')
_INNERMOST_FIRST = re.compile(
    r"\s+at (?P<at>\S.*)|\s+(?P<go>\S+\.go:\d+)(?: \+0x[0-9a-f]+)?$|\s+from (?P<ruby>\S+:\d+:in .+)"
)
_ANEW = re.compile(r"\s*(?:Caused by: |Traceback \(most recent call last\):)")
_LIBRARY = re.compile(
    r"(?:site|dist)-packages|/lib/python\d|<frozen |node_modules|node:|\(native\)|/usr/(?:local/)?(?:go|lib)/"
    r"|/go/pkg/mod/|/rustc/|^(?:java|javax|jdk|sun|com\.sun|scala|kotlin|System|Microsoft|core|std|alloc)(?:\.|::)"
)
_MAX_FRAME = 2048


@dataclass(slots=True)
class Trace:
    """What has been read of one stack trace. Lines are 1-based, and 0 without a cause or frame."""

    _cause: bytes | None = None
    cause_line: int = 0
    _frame: bytes | None = None
    frame_line: int = 0
    _is_own: bool = False

    @property
    def cause(self) -> str | None:
        """The last exception named."""
        return None if self._cause is None else unpacked(self._cause)

    @cause.setter
    def cause(self, cause: str | None) -> None:
        self._cause = None if cause is None else packed(cause)

    @property
    def frame(self) -> str | None:
        """The place in the program that is worth opening."""
        return None if self._frame is None else unpacked(self._frame)

    @frame.setter
    def frame(self, frame: str | None) -> None:
        self._frame = None if frame is None else packed(frame)

    def read(self, line: str, number: int) -> None:
        """Take in the next line of the trace, which is line ``number`` of the log."""
        # The last exception named is the root: "Caused by" goes down, and a traceback ends with it.
        if cause := continuation.cause(line):
            self.cause, self.cause_line = cause, number
        if _ANEW.match(line):
            self.frame, self.frame_line, self._is_own = None, 0, False
            return
        if found := _INNERMOST_LAST.match(line):
            path, at, function = found.groups()
            self._take(f"{path}:{at}" + (f" in {function}" if function else ""), number, is_deeper=True)
        elif found := _INNERMOST_FIRST.match(line):
            self._take((found["at"] or found["go"] or found["ruby"]).strip(), number, is_deeper=False)

    def _take(self, frame: str, number: int, *, is_deeper: bool) -> None:
        is_own = not _LIBRARY.search(frame)
        if self._frame is None or is_own > self._is_own or (is_deeper and is_own == self._is_own):
            self.frame, self.frame_line, self._is_own = frame[:_MAX_FRAME], number, is_own
