"""One pass of all recognisers over a text, repeated until nothing more is found.

Every recogniser first asks for a literal that its finds must contain (``str.find`` runs at memory speed), so text
without hits costs next to nothing, and every pattern is bounded or anchored, so work grows linearly with the text.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

from aiops_common.redaction.assignments import assigned_secrets
from aiops_common.redaction.blocks import named_in_lines_before
from aiops_common.redaction.commands import command_secrets
from aiops_common.redaction.issuers import keys
from aiops_common.redaction.manifests import of_manifests
from aiops_common.redaction.metrics import BY_KIND
from aiops_common.redaction.network import addresses
from aiops_common.redaction.numbers import numbers
from aiops_common.redaction.personal import emails, ibans
from aiops_common.redaction.redacted import PLACEHOLDER, Kind, Redacted
from aiops_common.redaction.secrets import private_keys, tokens, url_credentials
from aiops_common.redaction.spans import Span

# None of these looks beyond the line it finds something in; what several lines tell of is looked for before them.
_RECOGNISERS = (url_credentials, tokens, keys, assigned_secrets, command_secrets, emails, ibans, addresses, numbers)
_BY_CONTEXT = (url_credentials, assigned_secrets, command_secrets, emails, addresses, numbers)

_ESCAPE = re.compile(r"\\[nrt]")
_WITH_ESCAPES = re.compile(r"^.*\\[nrt].*$", re.MULTILINE)

# A replaced neighbour can turn what was the middle of a word into a find of its own. Lines that were changed are read
# again until nothing more is found; the bound keeps hostile text from asking for more.
_MAX_PASSES = 8
# Keys, tokens and accounts are recognised by their own form and the characters beside it. So what was replaced between
# two of these brings no more of them to light, and the slowest recognisers are spared.
_NEUTRAL_BEFORE = frozenset(("", *" \t\n\r([{<,;:\"'|/@="))
_NEUTRAL_AFTER = frozenset(("", *" \t\n\r)]}>,;:\"'|@&"))

_Place = tuple[int, int, Kind]
_Recognisers = tuple[Callable[[str], Iterator[Span]], ...]

_IN_NAMES = frozenset((Kind.IP, Kind.PHONE, Kind.SSN))


def redact(text: str, *, keep: Collection[Kind] = ()) -> Redacted:
    """Replace personal data and secrets in ``text`` by placeholders such as ``<EMAIL_1>``.

    The same value of the same kind gets the same number. Placeholders that stand in ``text`` already are left alone
    and their numbers are not used again, so redacting twice changes nothing and ``restore`` gives back ``text``
    exactly, whatever was in it. What is of a kind in ``keep`` stays.
    """
    ledger = _Ledger(text, keep)
    rest = text
    for lines in (private_keys, of_manifests, named_in_lines_before):
        if blocks := _apart(list(lines(rest))):
            rest = ledger.replace(rest, blocks)
    return ledger.outcome(_settled(rest, ledger, _MAX_PASSES, _RECOGNISERS))


def redact_name(text: str) -> str:
    """The name of a system, project or release, which may be an address or a number, without anything else."""
    return redact(text, keep=_IN_NAMES).text


def _settled(text: str, ledger: "_Ledger", passes: int, recognisers: _Recognisers) -> str:
    """``text`` with everything replaced that is found in it, and again in the lines that this changed."""
    spans = _without_overlaps(text, ledger.keep, recognisers)
    if not spans or not passes:
        return text
    kept: list[str] = []
    changed: list[str] = []
    position = 0
    for start, end, in_line in _by_line(text, spans):
        kept.append(text[position:start])
        changed.append(ledger.replace(text[start:end], in_line))
        position = end
    again = _BY_CONTEXT if all(_is_apart(text, start, end) for start, end, _ in spans) else _RECOGNISERS
    settled = _settled("\n".join(changed), ledger, passes - 1, again).split("\n")
    return "".join(part for pair in zip(kept, settled, strict=True) for part in pair) + text[position:]


def _is_apart(text: str, start: int, end: int) -> bool:
    return text[start - 1 : start] in _NEUTRAL_BEFORE and text[end : end + 1] in _NEUTRAL_AFTER


def _by_line(text: str, spans: list[Span]) -> Iterator[tuple[int, int, list[_Place]]]:
    """Start and end of every line with a span, and its spans relative to that start."""
    start, end = 0, -1
    line: list[_Place] = []
    for first, last, kind in spans:
        if first > end:
            if line:
                yield start, end, line
            start = text.rfind("\n", 0, first) + 1
            end = text.find("\n", last)
            end = len(text) if end == -1 else end
            line = []
        line.append((first - start, last - start, kind))
    if line:
        yield start, end, line


def _found(text: str, keep: Collection[Kind], recognisers: _Recognisers) -> list[Span]:
    found = [span for recogniser in recognisers for span in recogniser(text)]
    return [span for span in found if span.kind not in keep] if keep else found


def _behind_escapes(text: str, keep: Collection[Kind], recognisers: _Recognisers) -> list[Span]:
    """What is found in lines with escaped line ends and tabs, as JSON has them, once tabs stand in their place: their
    letter would make one word with what follows, and a blank one number with it."""
    return [
        Span(line.start() + start, line.start() + end, kind)
        for line in _WITH_ESCAPES.finditer(text)
        for start, end, kind in _found(_ESCAPE.sub("\t\t", line[0]), keep, recognisers)
    ]


def _without_overlaps(text: str, keep: Collection[Kind], recognisers: _Recognisers) -> list[Span]:
    found = _found(text, keep, recognisers)
    if "\\" in text and (behind := _apart(_behind_escapes(text, keep, recognisers))):
        # An escape may be the beginning of a name all the same (C:\token=…): what touches none of these stays.
        starts = [span.start for span in behind]
        found = [span for span in found if not _touches(span, behind, starts)] + behind
    return _apart(found)


def _apart(found: list[Span]) -> list[Span]:
    """Sorted; of those that overlap the first, and of those that begin together the longest."""
    if len(found) < 2:
        return found
    found.sort(key=lambda span: (span.start, -span.end))
    kept = [found[0]]
    for span in found[1:]:
        if span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _touches(span: Span, apart: list[Span], starts: list[int]) -> bool:
    place = bisect_left(starts, span.end)
    return place > 0 and apart[place - 1].end > span.start


class _Ledger:
    """Which placeholder stands for which value, within one text."""

    def __init__(self, text: str, keep: Collection[Kind]) -> None:
        self.keep = keep
        self._originals: dict[str, str] = {}
        self._by_value: dict[tuple[str, str], str] = {}
        self._kinds: Counter[str] = Counter()
        self._text = text
        self._taken: set[str] | None = None
        self._last: defaultdict[str, int] = defaultdict(int)

    def replace(self, text: str, spans: Sequence[_Place]) -> str:
        """``text`` with ``spans``, which must be sorted and apart, replaced by placeholders."""
        return "".join(self._pieces(text, spans))

    def _pieces(self, text: str, spans: Sequence[_Place]) -> Iterator[str]:
        position = 0
        for start, end, kind in spans:
            yield text[position:start]
            yield self._placeholder(kind, text[start:end])
            position = end
        yield text[position:]

    def _placeholder(self, kind: str, value: str) -> str:
        self._kinds[str(kind)] += 1
        known = self._by_value.get((kind, value))
        if known is not None:
            return known
        name = self._next(kind)
        self._by_value[(kind, value)] = name
        # A later pass may swallow a placeholder of an earlier one; restoring is a single step, so undo it here.
        self._originals[name] = PLACEHOLDER.sub(lambda match: self._originals.get(match[0], match[0]), value)
        return name

    def _next(self, kind: str) -> str:
        if self._taken is None:
            self._taken = {match[0] for match in PLACEHOLDER.finditer(self._text)}
        while True:
            self._last[kind] += 1
            name = f"<{kind}_{self._last[kind]}>"
            if name not in self._taken:
                return name

    def outcome(self, text: str) -> Redacted:
        """What became of the text, now that it is ``text``."""
        for kind, count in self._kinds.items():  # none, mostly
            BY_KIND[kind].inc(count)
        return Redacted(text, self._kinds.total(), dict(self._kinds), self._originals)
