"""What a language model is asked about a ticket, the shape of its answer, and the rules an answer has to keep."""

from aiops_triage.prompts.answer import CitedReason, TriageAnswer, applier
from aiops_triage.prompts.template import PROMPT_NAME, PROMPT_VERSION, build_prompt

__all__ = ["PROMPT_NAME", "PROMPT_VERSION", "CitedReason", "TriageAnswer", "applier", "build_prompt"]
