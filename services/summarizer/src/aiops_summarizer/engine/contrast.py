"""Says in words how one log differs from another."""

from typing import Final

from aiops_summarizer.domain import LogLevel
from aiops_summarizer.engine.comparison import Change, ChangeKind, Differences
from aiops_summarizer.engine.overview import Overview
from aiops_summarizer.engine.wording import counted, lasting, listed, moment, number, percent, quoted, times

_MAX_TOLD: Final = 4
_SHORT: Final = 80
_LONG: Final = 110
_TOLD_LEVELS: Final = (LogLevel.FATAL, LogLevel.ERROR, LogLevel.WARN)

_WORDS: Final = {
    ChangeKind.NEW: "new",
    ChangeKind.GONE: "gone",
    ChangeKind.MORE: "more frequent",
    ChangeKind.LESS: "less frequent",
}


def headline(found: Differences) -> str:
    """How many patterns differ, and the one that matters most."""
    if not found.old.line_count or not found.new.line_count:
        return "Nothing to compare"
    if not found.changes:
        return "Nothing changed"
    kinds = [(kind, sum(change.kind is kind for change in found.changes)) for kind in ChangeKind]
    summary = listed([f"{number(count)} {_WORDS[kind]}" for kind, count in kinds if count])
    top = found.changes[0]
    return f"{summary}; above all {_WORDS[top.kind]}: {_name(top, _SHORT)}, {_extent(top, found)}"


def text(found: Differences) -> str:
    """What is new, gone, more or less frequent, a paragraph for each, and what stayed as it was."""
    empty = [name for name, log in (("old", found.old), ("new", found.new)) if not log.line_count]
    if empty:
        return f"The {empty[0]} log has no lines." if len(empty) == 1 else "Neither log has any lines."
    unit = "time" if found.is_per_time else "line"
    paragraphs = [f"The old log has {_size(found.old)}, the new one {_size(found.new)}; frequencies are per {unit}."]
    paragraphs += [told for kind in ChangeKind if (told := _paragraph(kind, found))]
    if not found.changes:
        paragraphs.append(
            "No pattern is new or gone, and none comes at least twice or at most half as often as before."
        )
    elif found.same:
        share = percent(found.same_lines, found.new.line_count)
        which = "1 other pattern" if found.same == 1 else f"{number(found.same)} other patterns"
        verb = "comes" if found.same == 1 else "come"
        paragraphs.append(f"{which}, {share} of the new lines, {verb} about as often as before.")
    return "\n".join(paragraphs)


def _size(log: Overview) -> str:
    size = counted(log.line_count, "line")
    return f"{size} in {lasting(log.span[1] - log.span[0])}" if log.span else size


def _paragraph(kind: ChangeKind, found: Differences) -> str:
    changes = [change for change in found.changes if change.kind is kind]
    if not changes:
        return ""
    told = [f"{_name(change)}, {_extent(change, found)}" for change in changes[:_MAX_TOLD]]
    rest = len(changes) - len(told)
    if rest:
        told.append(f"and {counted(rest, 'more pattern')}")
    return f"{_WORDS[kind].capitalize()}: {'; '.join(told)}."


def _name(change: Change, longest: int = _LONG) -> str:
    name = quoted(change.template, longest)
    return f"{change.side.level.value} {name}" if change.side.level in _TOLD_LEVELS else name


def _extent(change: Change, found: Differences) -> str:
    if change.new is not None and change.old is not None:
        before, after = number(change.old.count), number(change.new.count)
        return f"{_ratio(change)} ({before} → {after}, line {change.new.first_line})"
    log, side = (found.new, change.new) if change.new is not None else (found.old, change.side)
    side = side or change.side
    if change.kind is ChangeKind.GONE:
        return f"{times(side.count)} in the old log (line {side.first_line})"
    since = f" {'since' if side.count > 1 else 'at'} {moment(side.first_seen, log.span)}" if side.first_seen else ""
    return f"{times(side.count)}{since} (line {side.first_line})"


def _ratio(change: Change) -> str:
    ratio = change.ratio or 1.0
    if ratio >= 1:
        return f"{ratio:.1f} times as often" if ratio < 10 else f"{number(round(ratio))} times as often"
    return f"1/{1 / ratio:.1f} as often" if ratio > 0.1 else f"1/{number(round(1 / ratio))} as often"
