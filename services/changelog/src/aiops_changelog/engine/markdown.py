"""A draft as Markdown. Source: Keep a Changelog 1.1.0. https://keepachangelog.com/en/1.1.0/"""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from aiops_changelog.domain import ChangelogEntry, ChangelogSection
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.engine import sections
from aiops_changelog.engine.changes import SYNTHETIC

_BACKTICKS = re.compile(r"`+")
_SPECIAL = re.compile(
    r"[<*\\]|&(?=#?\w{1,31};)|\](?=[(\[])|~~+|(?<![^\W_])_+|_+(?![^\W_])"
    r"|^>|^[#+|-](?=\s|#|-|$)|^[0-9]+(?=[.)](?:\s|$))"
)
_MAY_BE_SPECIAL = re.compile(r"[`<*_\\\]&~]")
_SPECIAL_AT_START = frozenset("#>+|0123456789-[")
# Blocks are found before code spans are: no backtick keeps these from being a definition of a link or a task.
_DEFINES = re.compile(r"\[(?:[ xX]\](?:\s|$)|.*\]:)")
_MOST_HASHES = 3


def render(
    shown: Sequence[ChangelogSection],
    needs_review: Sequence[ChangelogEntry],
    reverted: Sequence[ChangelogEntry],
    *,
    release: str | None,
    released_on: date,
) -> str:
    """The release's part of a CHANGELOG.md, from its second-level heading on, ending with one line end.

    "Breaking" comes before the standard's sections, "Internal" behind them; then, for the person who approves the
    draft, what needs review and what was reverted: nothing is left out.
    """
    heading = f"## [{_one_line(release)}] - {released_on.isoformat()}" if release else "## [Unreleased]"
    parts = [heading]
    groups: list[tuple[str, Section | None, tuple[ChangelogEntry, ...]]] = [
        (sections.HEADINGS[part.section], part.section, part.entries) for part in shown
    ]
    groups += [("Needs review", None, tuple(needs_review)), ("Reverted", None, tuple(reverted))]
    for title, section, entries in groups:
        if entries:
            parts.append(f"### {title}\n\n" + "\n".join(_lines(entries, section)))
    return "\n\n".join(parts) + "\n"


def _lines(entries: Sequence[ChangelogEntry], section: Section | None) -> Iterator[str]:
    for entry in entries:
        label = entry.scope
        if label is None and entry.type and entry.type != "revert" and entry.type not in sections.TYPES:
            label = entry.type
        line = f"- **{escaped(label)}:** " if label else "- "
        if entry.breaking and section is not Section.BREAKING:
            line += "**Breaking:** "
        line += escaped(entry.text)
        if entry.references:
            line += f" ({', '.join(map(_reference, entry.references))})"
        if hashes := _hashes(entry.commits):
            line += f" ({hashes})"
        yield line


def _reference(reference: str) -> str:
    return reference if reference[0:1] == "#" and reference[1:].isdecimal() else escaped(reference)


def _hashes(commits: Sequence[str]) -> str:
    real = [commit[:7] for commit in commits if not commit.startswith(SYNTHETIC)]
    if len(real) <= _MOST_HASHES:
        return ", ".join(real)
    return ", ".join([*real[:_MOST_HASHES], f"{len(real) - _MOST_HASHES} more"])


def escaped(text: str) -> str:
    """``text`` on one line, shown as written: code spans stay, other marks of Markdown and HTML are escaped."""
    if not text.isprintable() or "  " in text or text[:1] == " " or text[-1:] == " ":
        text = _one_line(text)
    if text[:1] not in _SPECIAL_AT_START and not _MAY_BE_SPECIAL.search(text):
        return text
    parts, end = ["\\" if _DEFINES.match(text) else ""], 0
    for start, stop, is_code in _code_spans(text):
        parts.append(_escaped_plain(text[end:start], at_start=end == 0))
        parts.append(text[start:stop] if is_code else "\\`" * (stop - start))
        end = stop
    parts.append(_escaped_plain(text[end:], at_start=end == 0))
    return "".join(parts)


def _code_spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """Start, end and whether it is a code span, of every span and of every run of backticks that opens none.

    A run is closed by the next one of the same length (CommonMark 0.31, section 6.1).
    """
    runs = [match.span() for match in _BACKTICKS.finditer(text)]
    closing: dict[int, int] = {}
    latest: dict[int, int] = {}
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        if length in latest:
            closing[number] = latest[length]
        latest[length] = number
    number = 0
    while number < len(runs):
        last = closing.get(number, number)
        yield runs[number][0], runs[last][1], last != number
        number = last + 1


def _escaped_plain(text: str, *, at_start: bool) -> str:
    def escape(match: re.Match[str]) -> str:
        if match[0].isdigit():
            return match[0] if not at_start else match[0] + "\\"
        if match[0][0] in "_~":
            return f"\\{match[0][0]}" * len(match[0])
        return "\\" + match[0] if at_start or match.start() or match[0] in "<*\\]&" else match[0]

    return _SPECIAL.sub(escape, text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
