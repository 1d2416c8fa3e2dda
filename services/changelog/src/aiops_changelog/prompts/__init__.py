"""Asking a language model to word entries and release notes, and checking what it says."""

from aiops_changelog.prompts.answers import NotesAnswer, NotesSentence, Rewording, RewriteAnswer
from aiops_changelog.prompts.citation import check_notes, check_rewrite
from aiops_changelog.prompts.flow import improving
from aiops_changelog.prompts.question import OPERATION, numbered

__all__ = [
    "OPERATION",
    "NotesAnswer",
    "NotesSentence",
    "Rewording",
    "RewriteAnswer",
    "check_notes",
    "check_rewrite",
    "improving",
    "numbered",
]
