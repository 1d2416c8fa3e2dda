"""What a language model is asked about a ticket, the shape of its answer, and the rules an answer has to keep."""

from aiops_triage.prompts.answer import CitedReason, TriageAnswer, applied, check
from aiops_triage.prompts.flow import improving
from aiops_triage.prompts.question import OPERATION, AskedFor, build_prompt

__all__ = [
    "OPERATION",
    "AskedFor",
    "CitedReason",
    "TriageAnswer",
    "applied",
    "build_prompt",
    "check",
    "improving",
]
