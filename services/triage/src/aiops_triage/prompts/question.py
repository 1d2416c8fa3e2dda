"""What is asked about a ticket: the operation's one step, and what its template is filled with."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from aiops_common.llm import Chain, Kind, Link, Operation, Prompt, Questions, Step, StepKind, Value
from aiops_triage.domain import Label, Severity, TicketCategory, Verdict
from aiops_triage.prompts.answer import TriageAnswer

TRIAGE: Final = "triage"
MOST_BODY_BYTES: Final = 12_000
"""Of the body, in UTF-8, at most; the beginning says what a ticket is about."""

OPERATION: Final = Operation(
    name="triage",
    package="aiops_triage.prompts",
    steps={
        TRIAGE: StepKind(
            TriageAnswer,
            {
                **dict.fromkeys(("categories", "labels", "category", "severity", "priority"), Kind.WORDS),
                **dict.fromkeys(("found_labels", "left_out"), Kind.WORDS),
                **dict.fromkeys(("title", "body"), Kind.TEXT),
            },
            is_required=True,
        )
    },
    default=(Step(step=TRIAGE, template="triage/v2"),),
)


class AskedFor(StrEnum):
    """Which tickets a language model is asked about."""

    UNSURE = "unsure"
    ALL = "all"
    NONE = "none"

    def has(self, verdict: Verdict) -> bool:
        """Whether a ticket that the engine judged as ``verdict`` is one of them; unsure is also what is severe."""
        if self is AskedFor.UNSURE:
            return verdict.needs_review or verdict.severity in (Severity.CRITICAL, Severity.HIGH)
        return self is AskedFor.ALL


def values(title: str, body: str, verdict: Verdict, *, most_bytes: int = MOST_BODY_BYTES) -> dict[str, Value]:
    """The values of the step's template for a redacted ticket that the engine judged as ``verdict``.

    Of the body as much as fits into ``most_bytes`` of UTF-8; what was left out is said.
    """
    sent = body.encode()[: max(0, most_bytes)].decode("utf-8", "ignore")
    left_out = len(body) - len(sent)
    return {
        "categories": ", ".join(TicketCategory),
        "labels": ", ".join(Label),
        "category": verdict.category,
        "severity": verdict.severity,
        "priority": verdict.priority,
        "found_labels": _listed(verdict.labels),
        "left_out": f" Of its body the last {left_out} characters were left out." if left_out else "",
        "title": title,
        "body": sent,
    }


def values_within(questions: Questions, link: Link, title: str, body: str, verdict: Verdict) -> dict[str, Value]:
    """As ``values``, with a body that the step's budget has room for."""
    room = questions.text_bytes(link, values(title, "", verdict))
    return values(title, body, verdict, most_bytes=min(MOST_BODY_BYTES, room - _NOTE_BYTES))


_NOTE_BYTES: Final = 80
"""What it costs to say that something was left out."""


def build_prompt(title: str, body: str, verdict: Verdict, chain: Chain | None = None) -> Prompt:
    """The question about a redacted ticket that the engine judged as ``verdict``; None is the default chain."""
    return (chain or OPERATION.chain()).required(TRIAGE).prompt(values(title, body, verdict))


def _listed(labels: Iterable[Label]) -> str:
    return ", ".join(labels) or "none"
