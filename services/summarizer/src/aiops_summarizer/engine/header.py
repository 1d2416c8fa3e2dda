"""Learns the header of plain log lines ("timestamp level thread component - message") from a sample.

No list of known programs: a header is what nearly all lines have in common at the same place, a timestamp first of all.
Then come, as far as nearly all lines have them: a level, a thread or process in brackets, numbers, a component.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiops_summarizer.domain import LogLevel
from aiops_summarizer.engine.levels import LEVELS, WORD_PATTERN, level_of
from aiops_summarizer.engine.timestamps import KINDS, Clock, TimeKind

_NEARLY_ALL: Final = 0.9
_SOME: Final = 0.1
_MIN_SAMPLE: Final = 20
"""Lines from which on a column without a type of its own (a number, a padded word) may be taken for header."""

_MAX_BEFORE_TIME: Final = 6
_ITEM: Final = r"(?:\[[^\]]*\]|\S+)\s+"
_OPEN: Final = r"[\[(<\"']?"
_CLOSE: Final = r"[\])>\"',|]*(?:\s+|$)"
_LEVEL_CLOSE: Final = r"(?=[\])>:,|\s]|$)[\])>:,|]*(?:\s+|$)"
_LETTERS: Final = "(?-i:[FEWIDV])"
_LEVELS: Final = LEVELS | {letter: level for letter in "FEWIDV" if (level := level_of(letter))}
_TAG: Final = r"[^\s:\[\]()]+(?:\([^)\s]*\))?(?:\[\d+\])?"
_LOOKS_LIKE_NAME = re.compile(r".*[.$\[(\-_/\d]|.*[a-z][A-Z]")


@dataclass(frozen=True, slots=True)
class _Piece:
    """An optional part of a header after the level. ``few`` pieces need a sample of some size."""

    pattern: str
    few: bool = False
    share: float = _NEARLY_ALL
    check: Callable[[list[str]], bool] | None = None
    times: int = 1


def _are_names(texts: list[str]) -> bool:
    # "db: failed" keeps its first word; "store.Cache$Writer: failed" and "sshd[7]: failed" have a component.
    names = {text.split(":")[0] for text in texts}
    return 2 * sum(bool(_LOOKS_LIKE_NAME.match(name)) for name in names) >= len(names)


def _have_process_ids(texts: list[str]) -> bool:
    return 2 * sum("]:" in text for text in texts) >= len(texts)


_PIECES: Final = (
    _Piece(r"[-|:•]\s+", times=3),
    _Piece(r"[^|\s]{1,64}\|", few=True, times=4),
    _Piece(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\](?:[:,]|\s-)?\s+", times=3),
    _Piece(r"<[^<>\s]*>\s+"),
    _Piece(r"\S+(?: \S+)? - "),
    _Piece(rf"[^\s:]+\s+{_TAG}:\s+", check=_have_process_ids),
    _Piece(r"[\w.$/-]+\s+\[[^\]]*\]\s+"),
    _Piece(rf"{_TAG}\s?:(?:\s+|$)", check=_are_names),
    _Piece(r"\d+\s+", few=True, share=0.99, times=2),
    _Piece(r"\S+\s{2,}", few=True),
)


@dataclass(frozen=True, slots=True)
class Header:
    """A learned header; parses one line into (microseconds or None, level or None, message)."""

    pattern: re.Pattern[str]
    kind: TimeKind | None
    clock: Clock
    has_level: bool

    def parse(self, line: str) -> tuple[int | None, LogLevel | None, str] | None:
        """Time, level and message of ``line``; None if it has not this header."""
        found = self.pattern.match(line)
        if found is None:
            return None
        message = line[found.end() :]
        groups = found.groups()
        level = None
        if self.has_level:
            word = groups[-1]
            level = _LEVELS.get(word) or level_of(word)
        if self.kind is None:
            return None, level, message
        return self.clock.micros(self.kind, groups[0], groups[1], groups[2]), level, message


def learn(sample: list[str], clock: Clock) -> Header | None:
    """The header that most lines of ``sample`` share, or None if they share none."""
    start = _time(sample)
    if start is None:
        return _level_only(sample, clock)
    pattern, kind = start
    lines = _matching(pattern, sample)
    pattern = _further_times(pattern, lines)
    with_level = _level(pattern, lines)
    pattern = _pieces(with_level or pattern, lines)
    return Header(_compiled(pattern, sample), kind, clock, with_level is not None)


def _ungrouped(kind: TimeKind) -> str:
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", kind.pattern)


def _matching(pattern: str, lines: list[str]) -> list[str]:
    match = re.compile(pattern, re.IGNORECASE).match
    return [line for line in lines if match(line)]


def _compiled(pattern: str, sample: list[str]) -> re.Pattern[str]:
    """Heeding case, which is quicker, if no line of the sample needs otherwise."""
    exact = re.compile(pattern)
    ignoring = re.compile(pattern, re.IGNORECASE)
    return exact if all(_spans(exact, line) == _spans(ignoring, line) for line in sample) else ignoring


def _spans(pattern: re.Pattern[str], line: str) -> tuple[tuple[int, int], ...] | None:
    found = pattern.match(line)
    return found.regs if found else None


def _share(pattern: str, lines: list[str]) -> float:
    return len(_matching(pattern, lines)) / len(lines) if lines else 0.0


def _time(sample: list[str]) -> tuple[str, TimeKind] | None:
    best: tuple[float, str, TimeKind] | None = None
    for before in range(_MAX_BEFORE_TIME):
        for kind in KINDS:
            pattern = (
                rf"(?:\S+\s+){{{before}}}\S{{0,40}}?{_OPEN}{kind.pattern}{_CLOSE}"
                if before
                else (rf"\s?{_OPEN}{kind.pattern}(?:\||{_CLOSE})")
            )
            share = _share(pattern, sample)
            # Further in, a time that not nearly all lines have at the same place belongs to the message.
            if share >= (_NEARLY_ALL if before else _SOME) and (best is None or share > best[0]):
                best = share, pattern, kind
        if best is not None:
            return best[1], best[2]
    return None


def _further_times(pattern: str, lines: list[str]) -> str:
    for _ in range(2):
        for between in range(4):
            for kind in KINDS:
                longer = rf"{pattern}(?:\S+\s+){{{between}}}{_OPEN}{_ungrouped(kind)}{_CLOSE}"
                if _share(longer, lines) >= _NEARLY_ALL:
                    pattern = longer
                    break
            else:
                continue
            break
        else:
            break
    return pattern


def _level(pattern: str, lines: list[str]) -> str | None:
    for words in (WORD_PATTERN, _LETTERS):
        for between in range(6):
            longer = rf"{pattern}(?:{_ITEM}){{{between}}}{_OPEN}({words}){_LEVEL_CLOSE}"
            if _share(longer, lines) >= _NEARLY_ALL:
                return longer
    # Not always at the same place: then only where it is marked as a level by brackets or a colon, or by its case.
    for marked in (rf"(?-i:(?:\[|\b)({WORD_PATTERN})(?:\]|:))(?:\s+|$)", rf"(?-i:\b({WORD_PATTERN})\b){_LEVEL_CLOSE}"):
        longer = rf"{pattern}(?:{_ITEM}){{0,4}}?{marked}"
        if _share(longer, lines) >= _NEARLY_ALL:
            return longer
    return None


def _level_only(sample: list[str], clock: Clock) -> Header | None:
    pattern = rf"{_OPEN}({WORD_PATTERN})(?=[\])>:,|\s])[\])>:,|]*\s+"
    if _share(pattern, sample) < _NEARLY_ALL:
        return None
    pattern = _pieces(pattern, sample)
    return Header(_compiled(pattern, sample), None, clock, has_level=True)


def _pieces(pattern: str, lines: list[str]) -> str:
    left = {piece: piece.times for piece in _PIECES}
    while piece := next((p for p in left if _fits(p, pattern, lines)), None):
        pattern += piece.pattern
        left[piece] -= 1
        if not left[piece]:
            del left[piece]
    return pattern


def _fits(piece: _Piece, pattern: str, lines: list[str]) -> bool:
    if piece.few and len(lines) < _MIN_SAMPLE:
        return False
    match = re.compile(rf"{pattern}(?P<piece>{piece.pattern})", re.IGNORECASE).match
    texts = [found["piece"] for line in lines if (found := match(line))]
    if len(texts) < piece.share * len(lines):
        return False
    return piece.check is None or piece.check(texts)


_ANY_TIME = re.compile(
    rf"{_OPEN}(?:{'|'.join(map(_ungrouped, KINDS))}){_CLOSE}"
    rf"(?:{_ITEM}){{0,2}}?(?:{_OPEN}({WORD_PATTERN}){_LEVEL_CLOSE})?"
)


def parse_any(line: str, clock: Clock) -> tuple[int | None, LogLevel | None, str] | None:
    """Time, level and message of a line that starts with any known time, for lines that the sample did not prepare for.

    None if it does not start with a time.
    """
    found = _ANY_TIME.match(line)
    if found is None:
        return None
    level = level_of(found[1]) if found[1] else None
    return clock.parse(line.lstrip("[(<\"' ")), level, line[found.end() :]
