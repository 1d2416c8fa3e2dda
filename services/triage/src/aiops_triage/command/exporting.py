"""``export``: corrections as examples to tune a language model with, one conversation a line.

https://platform.openai.com/docs/guides/supervised-fine-tuning (chat format)
"""

import json
from collections.abc import Callable, Iterator

from aiops_common.llm import AnswerRejected, Chain
from aiops_common.postgres import Pool
from aiops_common.settings import load_settings
from aiops_triage.command.database import with_database
from aiops_triage.domain import Correction, Level, Severity, Triage
from aiops_triage.prompts import OPERATION, CitedReason, TriageAnswer, build_prompt, check
from aiops_triage.service import latest_corrections
from aiops_triage.settings import TriageSettings

_LONGEST = 300

# The cell of the matrix that stands for a severity; where several do, the one with more impact than urgency.
_CELL = {
    Severity.CRITICAL: (Level.HIGH, Level.HIGH),
    Severity.HIGH: (Level.HIGH, Level.MEDIUM),
    Severity.MEDIUM: (Level.MEDIUM, Level.MEDIUM),
    Severity.LOW: (Level.LOW, Level.LOW),
}


def export(write: Callable[[str], None]) -> int:
    """Hand each correction to ``write`` as a line of JSON; returns how many were left out, having nothing to cite.

    The question is the one of the configured chain (``TRIAGE_CHAIN``).
    Nothing is gathered: memory does not grow with the number of corrections. All texts were redacted before they were
    stored.
    """
    chain = OPERATION.chain(load_settings(TriageSettings).chain)
    return with_database(lambda pool: _export(pool, chain, write))


async def _export(pool: Pool, chain: Chain, write: Callable[[str], None]) -> int:
    left_out = 0
    async for correction in latest_corrections(pool):
        line = conversation(correction, chain)
        if line is None:
            left_out += 1
        else:
            write(line)
    return left_out


def conversation(correction: Correction, chain: Chain) -> str | None:
    """The question as ``chain`` asks it about the ticket, and the answer that it should have had; None without one."""
    answer = _answer(correction)
    if answer is None:
        return None
    asked = build_prompt(correction.title, correction.body, correction.before, chain)
    messages = [
        {"role": "system", "content": asked.system},
        {"role": "user", "content": asked.user},
        {"role": "assistant", "content": answer.model_dump_json()},
    ]
    return json.dumps({"messages": messages}, ensure_ascii=False)


def _answer(correction: Correction) -> TriageAnswer | None:
    """The person's decision in the model's own form, with a reason that passes the check every answer has to pass."""
    for reason in _reasons(correction):
        answer = _decided(correction.after, reason)
        try:
            return check(correction.title, correction.body, answer).answer
        except AnswerRejected:
            continue
    return None


def _reasons(correction: Correction) -> Iterator[CitedReason]:
    """What may be stated, the best first: the person's own words, else what was decided; and the line that is cited."""
    statements = [f"A person decided that this is {correction.after.category}"]
    if correction.comment:
        statements.insert(0, " ".join(correction.comment.split())[:_LONGEST])
    for statement in filter(None, statements):
        for quoted in (correction.title, *correction.body.splitlines()[:20]):
            if quote := " ".join(quoted.split())[:_LONGEST].strip():
                yield CitedReason(statement=statement, quote=quote)


def _decided(after: Triage, reason: CitedReason) -> TriageAnswer:
    impact, urgency = _CELL[after.severity]
    return TriageAnswer(
        category=after.category,
        impact=impact,
        urgency=urgency,
        labels=after.labels,
        reasons=(reason,),
        confidence=1.0,
    )
