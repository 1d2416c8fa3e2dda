"""Language models: the port, the improvement of a built-in result, and the one door to a vendor's client."""

from aiops_common.llm.budget import estimated_tokens, fitting
from aiops_common.llm.improve import Improved, improve
from aiops_common.llm.port import AnswerRejected, Completion, LanguageModel, ModelUnavailable, Prompt
from aiops_common.llm.settings import LLMSettings, build_model

__all__ = [
    "AnswerRejected",
    "Completion",
    "Improved",
    "LLMSettings",
    "LanguageModel",
    "ModelUnavailable",
    "Prompt",
    "build_model",
    "estimated_tokens",
    "fitting",
    "improve",
]
