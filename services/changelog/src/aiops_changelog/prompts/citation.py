"""The answers' check: what a text says exactly must stand in an entry that it cites."""

import re
from collections.abc import Mapping, Sequence

from aiops_changelog.domain import ChangelogEntry
from aiops_changelog.domain import ChangeSection as Section
from aiops_changelog.prompts.answers import NotesAnswer, NotesSentence, RewriteAnswer
from aiops_changelog.prompts.question import Numbered
from aiops_common.llm import AnswerRejected, Checked
from aiops_common.llm.citation import is_plain, uncited

_WORD = re.compile(r"[^\W\d_]{3,}")
_STEM = 4
_COMMON = frozenset(
    (
        *("the", "and", "for", "with", "from", "that", "this", "are", "was", "has", "have", "had", "can", "now", "not"),
        *("into", "when", "its", "all", "any", "but", "will", "more", "use", "used", "add", "added", "new", "make"),
    )
)


def check_rewrite(asked: Numbered, answer: RewriteAnswer) -> Checked[RewriteAnswer]:
    """``answer`` without the rewordings that may not be used: of an entry that was not asked about, or twice of one,
    with something exact that the entry does not have, or that share no word with it."""
    kept, dropped = [], []
    seen: set[str] = set()
    for rewording in answer.entries:
        pair = None if rewording.id in seen else asked.get(rewording.id)
        problem = "no such entry was asked about" if pair is None else _misworded(rewording.text, pair[1])
        if problem is None:
            kept.append(rewording)
            seen.add(rewording.id)
        else:
            dropped.append(f"entry {rewording.id} {problem}")
    if dropped and not kept:
        raise AnswerRejected(dropped[0])
    return Checked(answer.model_copy(update={"entries": kept}), tuple(dropped))


def check_notes(shown: Numbered, release: str | None, answer: NotesAnswer) -> Checked[NotesAnswer]:
    """``answer`` without the sentences that cite no or an unknown entry, or say something exact that no entry which
    they cite has.

    Raises AnswerRejected if none is left, or if the notes pass over all breaking changes.
    """
    kept, dropped = [], []
    for number, sentence in enumerate(answer.sentences, start=1):
        problem = _unproved(sentence, shown, release)
        if problem is None:
            kept.append(sentence)
        else:
            dropped.append(f"sentence {number} {problem}")
    if not kept:
        raise AnswerRejected(dropped[0])
    cited = {identity for sentence in kept for identity in sentence.entries}
    breaking = _breaking(shown)
    if breaking and not breaking & cited:
        raise AnswerRejected("no sentence cites a breaking change")
    return Checked(answer.model_copy(update={"sentences": kept}), tuple(dropped))


def _unproved(sentence: NotesSentence, shown: Numbered, release: str | None) -> str | None:
    unknown = [identity for identity in sentence.entries if identity not in shown]
    if unknown or not sentence.entries:
        return f"cites entries that do not exist: {', '.join(name[:20] for name in unknown[:3]) or 'none'}"
    entries = [shown[identity][1] for identity in sentence.entries]
    if not is_plain(" ".join(sentence.text.split())):
        return "has control characters in it"
    evidence = " ".join([release or "", *map(_evidence, entries)])
    found = uncited(sentence.text, evidence, hashes=_hashes(entries))
    return f"{found}, which no cited entry has" if found else None


def _misworded(text: str, entry: ChangelogEntry) -> str | None:
    if not is_plain(text):
        return "has control characters in it"
    if found := uncited(text, _evidence(entry), hashes=_hashes([entry])):
        return f"{found}, which it does not have"
    # Whoever talks the model into writing of something else altogether gets the entry as it was.
    stems, written = _stems(" ".join((entry.text, entry.scope or ""))), _stems(text)
    return "is about something else" if stems and not stems & written else None


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold()) if word not in _COMMON}


def _breaking(shown: Mapping[str, tuple[Section, ChangelogEntry]]) -> set[str]:
    return {name for name, (section, entry) in shown.items() if section is Section.BREAKING or entry.breaking}


def _hashes(entries: Sequence[ChangelogEntry]) -> list[str]:
    return [commit for entry in entries for commit in entry.commits]


def _evidence(entry: ChangelogEntry) -> str:
    return " ".join([entry.scope or "", entry.type or "", entry.text, *entry.references])
