"""A ticket as the engine reads it: words, and how much the place where they stand counts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final

MAX_ANALYSED: Final = 20_000
"""Characters of a body that are read; the time for a ticket stays bounded whatever its size."""

BREAKS: Final = frozenset(".!?;:\n")
"""Tokens that end a clause: no phrase and no negation reaches across them."""

# A number, a word (with its apostrophes), or the end of a clause. Punctuation inside a token ("node.js", "10:30")
# ends nothing. A line break does only before an empty line, a list item, a heading or a "key:", because
# mails are wrapped in the middle of sentences. Every quantifier is bounded or cannot overlap its neighbour.
_TOKEN: Final = re.compile(r"\d+|[^\W\d]\w*(?:'\w+)*|[.!?;:](?=\s|$)|\n(?=[ \t]*(?:\n|[-*#>|•]|\w[\w ]{0,30}:))")
_INLINE_CODE: Final = re.compile(r"`[^`\n]+`")
_QUOTED_START: Final = (">", "Traceback (most recent", 'File "', "Caused by:")
_INDENTED: Final = ("    ", "\t")
_FRAME: Final = re.compile(r"at \S+ ?\(|at [\w$.]+:\d|at [a-z-]+://")
_FENCE: Final = ("```", "~~~")
_COMMENT: Final = "<!--"
_COMMENT_END: Final = "-->"


class Place(Enum):
    """Where words stand in a ticket."""

    TITLE = "title"
    TEXT = "text"
    QUOTED = "quoted"


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a ticket: its text as written and in lower case, and the tokens of the latter."""

    place: Place
    text: str
    lowered: str
    tokens: list[str]

    def quote(self, start: int, end: int) -> str:
        """The words of the tokens ``start`` to ``end`` (exclusive) as written, white space collapsed."""
        words = " ".join(self.tokens[start:end])
        first = self.lowered.find(words)
        if first >= 0:
            return self.text[first : first + len(words)]
        # Something else than one space stands between the words: their offsets are needed, which cost a second pass.
        spans = [match.span() for match in islice(_TOKEN.finditer(self.lowered), start, end)]
        return " ".join(self.text[spans[0][0] : spans[-1][1]].split())


@dataclass(frozen=True, slots=True)
class Reading:
    """A ticket in passages; ``left_out`` is the number of characters that were not read."""

    passages: tuple[Passage, ...]
    left_out: int


def read(title: str, body: str) -> Reading:
    """Split a ticket into title, text and quoted matter (code, stack traces, earlier mails)."""
    text, quoted = _separate(body[:MAX_ANALYSED])
    passages = (
        passage_of(Place.TITLE, title[:MAX_ANALYSED]),
        passage_of(Place.TEXT, text),
        passage_of(Place.QUOTED, quoted),
    )
    left_out = max(0, len(title) - MAX_ANALYSED) + max(0, len(body) - MAX_ANALYSED)
    return Reading(tuple(passage for passage in passages if passage.tokens), left_out)


def passage_of(place: Place, text: str) -> Passage:
    """``text`` as a passage standing at ``place``."""
    lowered = text.lower().replace("\u2019", "'")
    # A few capitals grow when lower-cased ("İ"); then offsets, and so quotes, hold only in the lower-cased text.
    written = text if len(lowered) == len(text) else lowered
    return Passage(place, written, lowered, _TOKEN.findall(lowered))


def _separate(body: str) -> tuple[str, str]:
    """The prose of ``body``, and what is quoted in it."""
    prose: list[str] = []
    quoted: list[str] = []
    for line, is_quoted in _marked_lines(body):
        if is_quoted:
            quoted.append(line)
        elif "`" in line:
            quoted.extend(_INLINE_CODE.findall(line))
            prose.append(_INLINE_CODE.sub(" ", line))
        else:
            prose.append(line)
    return without_comments("\n".join(prose)), "\n".join(quoted)


def without_comments(prose: str) -> str:
    """``prose`` without HTML comments, in which templates of issues tell the reporter what to write."""
    shown: list[str] = []
    at = 0
    # Two searches for each comment, which begin where the last one ended: no text takes longer than its length.
    while (start := prose.find(_COMMENT, at)) >= 0 and (end := prose.find(_COMMENT_END, start + len(_COMMENT))) >= 0:
        shown.append(prose[at:start])
        at = end + len(_COMMENT_END)
    return " ".join([*shown, prose[at:]])


def _marked_lines(body: str) -> Iterator[tuple[str, bool]]:
    """Each line of ``body`` and whether it is quoted; an unclosed fence reaches to the end."""
    fence = ""
    for line in body.splitlines():
        stripped = line.lstrip()
        if fence:
            fence = "" if stripped.startswith(fence) else fence
            yield line, True
        elif stripped.startswith(_FENCE):
            fence = stripped[:3]
            yield line, True
        else:
            yield line, _is_quoted(line, stripped)


def _is_quoted(line: str, stripped: str) -> bool:
    return (
        stripped.startswith(_QUOTED_START)
        or line.startswith(_INDENTED)
        or (stripped.startswith("at ") and _FRAME.match(stripped) is not None)
    )
