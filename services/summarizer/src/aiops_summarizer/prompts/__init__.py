"""Asking a language model to word a summary, and checking what it says."""

from aiops_summarizer.prompts.citation import apply
from aiops_summarizer.prompts.template import Statement, SummaryAnswer, build_prompt

__all__ = ["Statement", "SummaryAnswer", "apply", "build_prompt"]
