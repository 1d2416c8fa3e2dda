"""The answer's check: what a sentence says with digits must stand in an entry that it cites."""

import re
from dataclasses import replace

from aiops_changelog.domain import ChangelogEntry, Draft
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.prompts.template import NotesAnswer, NotesSentence, citable
from aiops_common.llm import AnswerRejected

_TOKEN = re.compile(r"[#!]?\w+(?:[.,@/+:-]\w+)*")
_HASH = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", re.IGNORECASE)
_NUMBER_WORDS = frozenset(
    (
        *("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "dozen"),
        *("dozens", "twenty", "thirty", "forty", "fifty", "hundred", "hundreds", "thousand", "thousands", "million"),
        *("millions", "twice", "double", "doubled", "doubles", "triple", "tripled", "half", "halved", "tenfold"),
    )
)


def apply(draft: Draft, answer: NotesAnswer) -> Draft:
    """``draft`` with the answer's sentences as its summary; sections, entries, bump and Markdown stay as they are.

    Raises AnswerRejected, naming the rule, for a sentence that cites no or an unknown entry, for a number, reference,
    hash or address that no cited entry has, and for notes that pass over all breaking changes.
    """
    known = citable(draft)
    cited: set[str] = set()
    for number, sentence in enumerate(answer.sentences, start=1):
        unknown = [identity for identity in sentence.entries if identity not in known]
        if unknown or not sentence.entries:
            raise AnswerRejected(
                f"sentence {number} cites entries that do not exist: {', '.join(unknown[:3]) or 'none'}"
            )
        _check(number, sentence, [known[identity][1] for identity in sentence.entries], draft.release)
        cited.update(sentence.entries)
    breaking = {
        identity for identity, (section, entry) in known.items() if section is Section.BREAKING or entry.breaking
    }
    if breaking and not breaking & cited:
        raise AnswerRejected("no sentence cites a breaking change")
    return replace(draft, summary=" ".join(" ".join(sentence.text.split()) for sentence in answer.sentences))


def _check(number: int, sentence: NotesSentence, entries: list[ChangelogEntry], release: str | None) -> None:
    evidence = " ".join([release or "", *(_evidence(entry) for entry in entries)])
    stated = _claims(evidence)
    commits = [commit.lower() for entry in entries for commit in entry.commits]
    for address in _ADDRESS.findall(sentence.text):
        if address.rstrip(".,;)") not in evidence:
            raise AnswerRejected(f"sentence {number} has an address that no cited entry has")
    for claim in _claims(sentence.text):
        is_commit = _HASH.fullmatch(claim) and any(commit.startswith(claim) for commit in commits)
        if claim not in stated and not is_commit:
            raise AnswerRejected(f"sentence {number} says {claim[:40]!r}, which no cited entry has")


def _evidence(entry: ChangelogEntry) -> str:
    return " ".join([entry.scope or "", entry.type or "", entry.text, *entry.references])


def _claims(text: str) -> set[str]:
    """Tokens that state something exact: whatever has a digit, number words, and what reads as a hash."""
    claims = set()
    for match in _TOKEN.finditer(text):
        token = match[0].lower()
        if any(char.isdigit() for char in token):
            claims.add(re.sub(r"^v(?=[0-9])", "", token).replace(",", ""))
        elif token in _NUMBER_WORDS or _HASH.fullmatch(token):
            claims.add(token)
    return claims
