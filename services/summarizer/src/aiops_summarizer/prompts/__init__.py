"""Asking a language model to word a summary, and checking what it says."""

from aiops_summarizer.prompts.answers import Statement, SummaryAnswer, WindowAnswer
from aiops_summarizer.prompts.flow import OPERATION, improving

__all__ = ["OPERATION", "Statement", "SummaryAnswer", "WindowAnswer", "improving"]
