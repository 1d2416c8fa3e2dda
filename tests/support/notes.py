"""An operation of no service, for tests of how a model is asked: it notes something about a text."""

from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel

from aiops_common.llm import Checked, Flow, Inquiry, Link, Questions, Work
from aiops_common.llm.templates import parse

TEMPLATE = """+++
answer = "Note"
tag = "note"

[variables]
text = "text"
+++
You note.
---user---
<$tag>
$text
</$tag>
"""

LINK = Link("note", parse("note/v3", TEMPLATE))
WORK = Work("noting", UUID(int=7))


class Note(BaseModel):
    """The answer."""

    text: str


def plus(result: str, note: Note) -> str:
    """The result, and the note behind it."""
    return f"{result} + {note.text}"


def as_it_is(note: Note) -> Checked[Note]:
    """A check that lets everything pass."""
    return Checked(note)


def inquiry(text: str = "All is well", check: Callable[[Note], Checked[Note]] = as_it_is) -> Inquiry[Note]:
    """The question about ``text``."""
    return Inquiry(LINK, {"text": text}, Note, check)


def noting(
    text: str = "All is well",
    check: Callable[[Note], Checked[Note]] = as_it_is,
    apply: Callable[[str, Note], str] = plus,
) -> Flow[str]:
    """One question about ``text``."""

    async def flow(questions: Questions, result: str) -> str:
        return apply(result, await questions.ask(inquiry(text, check)))

    return flow
