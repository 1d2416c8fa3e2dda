"""How a language model improves a draft: entries in better words, each where it stands, and then the notes."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from aiops_changelog.domain import ChangelogEntry, Draft
from aiops_changelog.prompts.answers import NotesAnswer, RewriteAnswer
from aiops_changelog.prompts.citation import check_notes, check_rewrite
from aiops_changelog.prompts.question import (
    NOTES,
    REWRITE,
    chunks,
    fitting_entries,
    material,
    names,
    numbered,
    rewordable,
)
from aiops_common.deferral import Deferred
from aiops_common.llm import AnswerRejected, Chain, Flow, Inquiry, Link, ModelUnavailable, Questions

MOST_QUESTIONS: Final = 16
"""Questions about the wording of one changelog's entries, at most; further entries stay as they are."""

_OF_ANSWER: Final = 0.6
"""Which share of an answer's room entries may take: reworded they can be longer, and JSON costs something."""

Render = Callable[[Draft], Draft]


def improving(chain: Chain, project: str, render: Render) -> Flow[Draft]:
    """The questions about a redacted draft; ``render`` writes Markdown and notes anew for reworded entries.

    A model that is worth waiting for is not waited for with the notes where entries were reworded: they are paid for.
    """

    async def flow(questions: Questions, draft: Draft) -> Draft:
        rewriting, noting = chain.link(REWRITE), chain.link(NOTES)
        better = draft
        if rewriting is not None:
            try:
                better = await _reworded(questions, rewriting, project, draft, render)
            except (ModelUnavailable, AnswerRejected) as error:
                if noting is None or getattr(error, "passing", False):
                    raise  # a model that is away has nothing to say of the notes either
                questions.leave_out("entries not reworded", error)
        if noting is None:
            return better
        try:
            return await _noted(questions, noting, project, better)
        except (ModelUnavailable, AnswerRejected, Deferred) as error:
            if better is draft:
                raise
            questions.leave_out("no notes", error)
            return better

    return flow


async def _reworded(questions: Questions, link: Link, project: str, draft: Draft, render: Render) -> Draft:
    entries = rewordable(numbered(draft))
    room = questions.room(link)
    most = min(
        questions.text_bytes(link, {"project": project, "material": ""}),
        int(room.output_tokens * room.bytes_per_token * _OF_ANSWER),
    )
    parts = list(chunks(entries, most))
    asked = parts[:MOST_QUESTIONS]
    if not asked:
        return draft
    if left := len(entries) - sum(map(len, asked)):
        questions.dropped.append(f"{left} of {len(entries)} entries were not sent: no room")
    inquiries = [
        Inquiry(link, {"project": project, "material": material(part)}, RewriteAnswer, partial(check_rewrite, part))
        for part in asked
    ]
    answers = await questions.ask_each(inquiries, "parts with entries to reword")
    texts = {one.id: " ".join(one.text.split()) for answer in answers if answer for one in answer.entries}
    if not texts:
        return draft
    # In a thread: thousands of entries take a while.
    return await asyncio.to_thread(render, _with_texts(draft, texts))


def _with_texts(draft: Draft, texts: dict[str, str]) -> Draft:
    """``draft`` with these texts by id; an entry keeps its place and all else that it has."""
    places = iter(numbered(draft))

    def worded(entry: ChangelogEntry) -> ChangelogEntry:
        text = texts.get(next(places))
        return entry if text is None else replace(entry, text=text)

    sections = [replace(part, entries=tuple(map(worded, part.entries))) for part in draft.sections]
    return replace(draft, sections=tuple(sections))


async def _noted(questions: Questions, link: Link, project: str, draft: Draft) -> Draft:
    entries = numbered(draft)
    # With the longest that is said of what is omitted, so that what is said in the end has room.
    beside = {"project": project, **names(draft, omitted=len(entries)), "material": ""}
    shown = fitting_entries(entries, questions.text_bytes(link, beside))
    values = {
        "project": project,
        **names(draft, omitted=len(entries) - len(shown)),
        "material": material(shown),
    }
    answer = await questions.ask(Inquiry(link, values, NotesAnswer, partial(check_notes, shown, draft.release)))
    return replace(draft, summary=" ".join(" ".join(sentence.text.split()) for sentence in answer.sentences))
