"""Asking a language model to word the release notes, and checking what it says."""

from aiops_changelog.prompts.citation import apply
from aiops_changelog.prompts.template import NotesAnswer, NotesSentence, build_prompt

__all__ = ["NotesAnswer", "NotesSentence", "apply", "build_prompt"]
