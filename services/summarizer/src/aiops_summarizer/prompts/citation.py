"""The answer's check: what a statement says with digits must stand in a finding that it cites."""

import re
from dataclasses import replace
from typing import Final

from aiops_common.llm import AnswerRejected
from aiops_summarizer.domain import Digest, Finding
from aiops_summarizer.prompts.template import Statement, SummaryAnswer

_TOKEN = re.compile(r"<[A-Z]+_\d+>|\w+(?:[.,:/@-]\w+)*")
_CITATION = re.compile(r"\s*[\[(](?:F\d+(?:, ?)?)+[\])]")
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.)\S+", re.IGNORECASE)
_CLOCK = re.compile(r"\d{2}:\d{2}:\d{2}")
_WORDS: Final = {"two": "2", "twice": "2", "three": "3", "thrice": "3", "four": "4", "five": "5", "six": "6"}
_WORDS.update({"seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12"})
_VAGUE: Final = frozenset(
    (
        *("dozen", "dozens", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred"),
        *("hundreds", "thousand", "thousands", "million", "millions", "double", "doubled", "triple", "tripled"),
        *("half", "halved", "tenfold"),
    )
)


def apply(digest: Digest, answer: SummaryAnswer) -> Digest:
    """``digest`` with the answer's headline and text; everything else stays as the engine found it.

    Citations become references to lines. Raises AnswerRejected, naming the rule, for a statement that cites no or an
    unknown finding, or says a number or an address that no finding it cites has.
    """
    known = {finding.id: finding for finding in digest.findings}
    headline = _checked("the headline", answer.headline, known)
    sentences = []
    for number, statement in enumerate(answer.sentences, start=1):
        text = _checked(f"sentence {number}", statement, known)
        sentences.append(_referenced(text, [known[identity] for identity in statement.findings]))
    if not sentences:
        raise AnswerRejected("the answer has no sentences")
    return replace(digest, headline=headline, text=" ".join(sentences))


def _checked(name: str, statement: Statement, known: dict[str, Finding]) -> str:
    unknown = [identity for identity in statement.findings if identity not in known]
    if unknown or not statement.findings:
        cited = ", ".join(identity[:20] for identity in unknown[:3]) or "none"
        raise AnswerRejected(f"{name} cites findings that do not exist: {cited}")
    text = " ".join(_CITATION.sub("", statement.text).split())
    if not text or not text.isprintable():
        raise AnswerRejected(f"{name} has no text or control characters in it")
    evidence = " ".join(known[identity].text for identity in statement.findings)
    stated = _claims(evidence) | {clock[:5] for clock in _CLOCK.findall(evidence)}
    for claim in sorted(_claims(text) - stated):
        raise AnswerRejected(f"{name} says {claim[:40]!r}, which no finding that it cites has")
    for address in _ADDRESS.findall(text):
        if address.rstrip(".,;)”\"'") not in evidence:
            raise AnswerRejected(f"{name} has an address that no finding that it cites has")
    return text


def _claims(text: str) -> set[str]:
    """What states something exact: tokens with a digit, numbers in words (as digits), words for many."""
    claims = set()
    for match in _TOKEN.finditer(text):
        token = match[0]
        lower = token.lower()
        if any(char.isdigit() for char in token):
            claims.add(re.sub(r"(?<=\d)[x×]$", "", lower).replace(",", "") if token[0] != "<" else token)
        elif lower in _WORDS:
            claims.add(_WORDS[lower])
        elif lower in _VAGUE:
            claims.add(lower)
    return claims


def _referenced(text: str, cited: list[Finding]) -> str:
    lines = sorted({finding.line for finding in cited if finding.line and finding.kind != "span"})
    missing = [str(line) for line in lines if not re.search(rf"\bline {line}\b", text)]
    if not missing:
        return text
    reference = f"(line {missing[0]})" if len(missing) == 1 else f"(lines {', '.join(missing)})"
    return f"{text[:-1]} {reference}{text[-1]}" if text[-1] in ".!?" else f"{text} {reference}."
