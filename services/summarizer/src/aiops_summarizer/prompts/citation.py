"""The answers' check: what a statement says exactly must stand in a finding or pattern that it cites."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from aiops_common.llm import AnswerRejected, Checked
from aiops_common.llm.citation import is_plain, uncited
from aiops_summarizer.domain import Digest
from aiops_summarizer.prompts.answers import Statement, SummaryAnswer, WindowAnswer
from aiops_summarizer.prompts.material import Record

_CITATION = re.compile(r"\s*[\[(](?:[FP]\d+(?:, ?)?)+[\])]")

Known = Mapping[str, Record]
"""What may be cited, by id."""


def known(shown: Iterable[Record]) -> dict[str, Record]:
    """``shown`` by their ids."""
    return {record.id: record for record in shown}


def check_window(shown: Known, answer: WindowAnswer) -> Checked[WindowAnswer]:
    """``answer`` without the statements that cannot be proved; raises AnswerRejected if none is left."""
    kept, dropped = _proved("statement", answer.statements, shown)
    if not kept:
        raise AnswerRejected(dropped[0])
    return Checked(answer.model_copy(update={"statements": kept}), tuple(dropped))


def check_summary(shown: Known, answer: SummaryAnswer) -> Checked[SummaryAnswer]:
    """``answer`` without the sentences that cannot be proved; a headline that cannot is the empty text then.

    Raises AnswerRejected, naming the first rule that was broken, if no sentence is left.
    """
    problem = _unproved(answer.headline, shown)
    wrong = [] if problem is None else [f"the headline {problem}"]
    kept, dropped = _proved("sentence", answer.sentences, shown)
    wrong += dropped
    if not kept:
        raise AnswerRejected(wrong[0])
    headline = answer.headline.model_copy(update={"text": _plain(answer.headline) if problem is None else ""})
    return Checked(answer.model_copy(update={"headline": headline, "sentences": kept}), tuple(wrong))


def applied(digest: Digest, shown: Known, answer: SummaryAnswer) -> Digest:
    """``digest`` with the checked answer's headline and text; everything else stays as the engine found it.

    Citations become references to lines.
    """
    sentences = [_referenced(one.text, [shown[identity] for identity in one.findings]) for one in answer.sentences]
    return replace(digest, headline=answer.headline.text or digest.headline, text=" ".join(sentences))


def _proved(what: str, statements: Sequence[Statement], shown: Known) -> tuple[list[Statement], list[str]]:
    kept, dropped = [], []
    for number, statement in enumerate(statements, start=1):
        problem = _unproved(statement, shown)
        if problem is None:
            kept.append(statement.model_copy(update={"text": _plain(statement)}))
        else:
            dropped.append(f"{what} {number} {problem}")
    return kept, dropped


def _plain(statement: Statement) -> str:
    return " ".join(_CITATION.sub("", statement.text).split())


def _unproved(statement: Statement, shown: Known) -> str | None:
    unknown = [identity for identity in statement.findings if identity not in shown]
    if unknown or not statement.findings:
        return f"cites findings that do not exist: {', '.join(name[:20] for name in unknown[:3]) or 'none'}"
    text = _plain(statement)
    if not is_plain(text):
        return "has no text or control characters in it"
    found = uncited(text, " ".join(shown[identity].evidence for identity in statement.findings))
    return f"{found}, which no finding that it cites has" if found else None


def _referenced(text: str, cited: list[Record]) -> str:
    lines = sorted({record.line for record in cited if record.line})
    missing = [str(line) for line in lines if not re.search(rf"\bline {line}\b", text)]
    if not missing:
        return text
    reference = f"(line {missing[0]})" if len(missing) == 1 else f"(lines {', '.join(missing)})"
    return f"{text[:-1]} {reference}{text[-1]}" if text[-1] in ".!?" else f"{text} {reference}."
