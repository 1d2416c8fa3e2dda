"""A few lines of each template, drawn evenly from all of its lines in one pass, and the values that they show.

Algorithm L (Li, "Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n)))", 1994): the next line to keep is
known ahead, so a line that is not kept costs one comparison. The draw is seeded by the template, not by the clock: the
same log gives the same sample.
"""

from collections import Counter
from math import exp, log
from typing import Final
from zlib import crc32

from aiops_summarizer.engine.masking import WILD
from aiops_summarizer.engine.shown import packed, unpacked

KEPT: Final = 24
"""Lines kept per template."""

_MAX_TEXT: Final = 240
_MAX_VALUES: Final = 5
_MAX_SLOTS: Final = 16
_STEP: Final = 6364136223846793005  # Knuth's MMIX generator, The Art of Computer Programming, volume 2, section 3.3.4
_INCREMENT: Final = 1442695040888963407
_MASK: Final = (1 << 64) - 1

Sample = tuple[int, bytes | None]
"""Line number, and its message, packed; None for one that is too long to be kept: half of it would tell no values."""


class Reservoir:
    """An even sample of the lines offered so far; ``due`` is the number of the line that has to be offered next."""

    __slots__ = ("_state", "_threshold", "due", "kept")

    def __init__(self, seed: str) -> None:
        self.kept: list[Sample] = []
        self.due = 1
        self._state = crc32(seed.encode("utf-8", "replace"))
        self._threshold = 1.0

    def offer(self, count: int, line_number: int, message: str) -> None:
        """Keep the ``count``-th line of the template; to be called when ``count`` is ``due``."""
        sample = line_number, packed(message) if len(message) < _MAX_TEXT else None
        if len(self.kept) < KEPT:
            self.kept.append(sample)
        else:
            self.kept[int(self._random() * KEPT)] = sample
        if len(self.kept) < KEPT:
            self.due = count + 1
        else:
            self._threshold *= exp(log(self._random()) / KEPT)
            self._wait(count)

    @property
    def messages(self) -> list[str]:
        """The messages that are kept."""
        return [unpacked(message) for _, message in self.kept if message is not None]

    @messages.setter
    def messages(self, messages: list[str]) -> None:
        new = iter(messages)
        self.kept = [(number, None if old is None else packed(next(new))) for number, old in self.kept]

    def absorb(self, other: "Reservoir", count: int, others: int) -> None:
        """Become a sample of both, of ``count`` and ``others`` lines; each has its share of places."""
        places = min(KEPT, len(self.kept) + len(other.kept))
        share = round(places * count / max(1, count + others))
        share = min(len(self.kept), max(share, places - len(other.kept)))
        self.kept = sorted(self._drawn(self.kept, share) + self._drawn(other.kept, places - share))
        if places < KEPT:
            self.due = count + others + 1
        else:
            self._threshold = min(1.0, KEPT / (count + others))
            self._wait(count + others)

    def _drawn(self, kept: list[Sample], places: int) -> list[Sample]:
        """So many of ``kept``, whatever their order: the first ones of a sorted sample would be early lines again."""
        left = list(kept)
        out = len(kept) - places
        drawn = [left.pop(min(len(left) - 1, int(self._random() * len(left)))) for _ in range(min(places, out))]
        # Drawing those that have to go is as even, and mostly there are few of them.
        return left if out < places else drawn

    def _random(self) -> float:
        """Above 0, at most 1."""
        self._state = (self._state * _STEP + _INCREMENT) & _MASK
        return ((self._state >> 11) + 1) / (1 << 53)

    def _wait(self, count: int) -> None:
        left = 1.0 - self._threshold
        gap = int(log(self._random()) / log(left)) if 0.0 < left < 1.0 else 0
        self.due = count + gap + 1


def slot_values(template: str, messages: list[str], count: int) -> list[list[tuple[str, int]]]:
    """Per wildcard of ``template`` the commonest values with about how many of its ``count`` lines have them.

    ``messages`` is an even sample of those lines. Where it is all of them the numbers are exact, otherwise they are
    estimates. At most five values for each of the first sixteen wildcards; those that one line shows come last.
    """
    pieces = template.split(WILD)[: _MAX_SLOTS + 1]
    whole = template.count(WILD) < len(pieces)
    slots: list[Counter[str]] = [Counter() for _ in pieces[1:]]
    read = 0
    for message in messages:
        values = _values(pieces, " ".join(message.split()), whole=whole)
        if values is None:
            continue
        read += 1
        for slot, value in zip(slots, values, strict=True):
            slot[value] += 1
    return [
        [(value, max(1, round(found * count / read))) for value, found in slot.most_common(_MAX_VALUES)]
        for slot in slots
    ]


def _values(pieces: list[str], message: str, *, whole: bool) -> list[str] | None:
    """What stands in ``message`` for the wildcards between ``pieces``; None where they cannot be told apart."""
    if not message.startswith(pieces[0]):
        return None
    at = len(pieces[0])
    values = []
    for piece in pieces[1:]:
        last = whole and piece is pieces[-1]
        end = len(message) if not piece else message.find(piece, at)
        if last and piece:
            end = len(message) - len(piece) if message.endswith(piece) else -1
        if end < at:
            return None
        values.append(message[at:end])
        at = end + len(piece)
    return values
