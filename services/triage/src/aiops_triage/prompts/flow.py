"""How a language model improves a verdict: one question, whose answer is checked against the ticket."""

from functools import partial

from aiops_common.llm import Chain, Flow, Inquiry, Questions
from aiops_triage.domain import Verdict
from aiops_triage.prompts.answer import TriageAnswer, applied, check
from aiops_triage.prompts.question import TRIAGE, values_within


def improving(chain: Chain, title: str, body: str) -> Flow[Verdict]:
    """The questions about a redacted ticket."""
    link = chain.required(TRIAGE)

    async def flow(questions: Questions, verdict: Verdict) -> Verdict:
        values = values_within(questions, link, title, body, verdict)
        answer = await questions.ask(Inquiry(link, values, TriageAnswer, partial(check, title, body)))
        return applied(verdict, answer)

    return flow
