"""Language models: the port, the improvement of a built-in result, and the one door to a vendor's client."""

from aiops_common.llm.asking import Checked, Inquiry, Questions
from aiops_common.llm.budget import estimated_tokens
from aiops_common.llm.chain import Chain, InvalidChain, Link, Operation, Step, StepKind, Work
from aiops_common.llm.improve import Flow, Improved, improve
from aiops_common.llm.port import AnswerRejected, Completion, LanguageModel, ModelUnavailable, Prompt, Room, Spoken
from aiops_common.llm.settings import LLMSettings, build_model
from aiops_common.llm.templates import InvalidTemplate, Kind, PromptTemplate, Value

__all__ = [
    "AnswerRejected",
    "Chain",
    "Checked",
    "Completion",
    "Flow",
    "Improved",
    "Inquiry",
    "InvalidChain",
    "InvalidTemplate",
    "Kind",
    "LLMSettings",
    "LanguageModel",
    "Link",
    "ModelUnavailable",
    "Operation",
    "Prompt",
    "PromptTemplate",
    "Questions",
    "Room",
    "Spoken",
    "Step",
    "StepKind",
    "Value",
    "Work",
    "build_model",
    "estimated_tokens",
    "improve",
]
