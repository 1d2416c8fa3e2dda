"""Is what a phrase names denied: "no outage", "not urgent", "Data loss: no"?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiops_triage.engine.reading import BREAKS

_LISTING: Final = frozenset({"or", "nor"})


@dataclass(frozen=True, slots=True)
class Negation:
    """How English denies: ``negators`` reach over ``transparent`` words to the phrase they deny."""

    negators: frozenset[str]
    transparent: frozenset[str]
    answers: frozenset[str]

    def denies(self, tokens: Sequence[str], start: int, end: int, denied_until: int) -> bool:
        """Whether the phrase ``tokens[start:end]`` is denied.

        ``denied_until`` is the token after the last denied phrase: a list ("no crash, outage or data loss") stays
        denied. A phrase that itself begins with a denial ("not urgent") never is.
        """
        if tokens[start] in self.negators:
            return False
        return self._denied_before(tokens, start, end, denied_until) or self._denied_after(tokens, end)

    def _denied_before(self, tokens: Sequence[str], start: int, end: int, denied_until: int) -> bool:
        position = start - 1
        while position >= denied_until and tokens[position] in self.transparent:
            position -= 1
        if position < denied_until:
            # Without "or" the next phrase is a statement of its own: "no error message, screen frozen".
            return denied_until > 0 and not _LISTING.isdisjoint(tokens[denied_until : end + 1])
        return tokens[position] in self.negators

    def _denied_after(self, tokens: Sequence[str], end: int) -> bool:
        """A form's "Data loss: no": the answer must stand alone, "Outage: no reply from the host" is none."""
        if end + 1 >= len(tokens) or tokens[end] not in {":", "?"} or tokens[end + 1] not in self.answers:
            return False
        return end + 2 == len(tokens) or tokens[end + 2] in BREAKS
