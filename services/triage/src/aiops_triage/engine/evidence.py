"""What a ticket says, phrase by phrase."""

from dataclasses import dataclass
from typing import Final

from aiops_triage.engine.phrases import occurrences
from aiops_triage.engine.reading import Place, Reading
from aiops_triage.engine.rulepack import Rule, RulePack

TRUST: Final = {Place.TITLE: 1.0, Place.TEXT: 1.0, Place.QUOTED: 0.25}
"""How much a phrase counts at a place: somebody else's words, or a program's, are hints and not statements."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A phrase of a rule as it stands in a ticket; ``entry`` tells apart the phrases of the pack."""

    entry: int
    rule: Rule
    place: Place
    quote: str

    @property
    def trust(self) -> float:
        """See TRUST."""
        return TRUST[self.place]


def gather(reading: Reading, pack: RulePack) -> tuple[Evidence, ...]:
    """The evidence in ``reading``, each phrase of the pack once: where it counts most, there at its first place."""
    found: dict[int, Evidence] = {}
    for passage in reading.passages:  # in the order of how much they count
        denied_until = 0
        for start, end, entries in occurrences(pack.tree, passage.tokens):
            denied = pack.negation.denies(passage.tokens, start, end, denied_until)
            if denied:
                denied_until = end
            for entry in entries:
                rule = pack.entries[entry]
                if entry not in found and (rule.topic or not denied):
                    found[entry] = Evidence(entry, rule, passage.place, passage.quote(start, end))
    return tuple(found.values())
