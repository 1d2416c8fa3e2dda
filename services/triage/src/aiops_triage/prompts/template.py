"""From a ticket to the prompt of one template version. A template once used is never edited: add the next version."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

from aiops_common.llm import Prompt
from aiops_triage.domain import Label, TicketCategory, Verdict

PROMPT_NAME: Final = "triage"
PROMPT_VERSION: Final = "v1"
MAX_BODY: Final = 12_000
"""Characters of the body that are sent, about 3,400 tokens; the beginning says what a ticket is about."""

_USER_HEADING: Final = "\n## user\n"
_SYSTEM_HEADING: Final = "## system\n"


def build_prompt(title: str, body: str, verdict: Verdict) -> Prompt:
    """The question about a redacted ticket that the engine judged as ``verdict``.

    Of the ticket only text inside the tag comes from outside; the tag's name does not occur in that text. The
    instructions in ``system`` are the same for every ticket.
    """
    system, user = _parts()
    sent, left_out = body[:MAX_BODY], max(0, len(body) - MAX_BODY)
    return Prompt(
        name=PROMPT_NAME,
        version=PROMPT_VERSION,
        system=system.substitute(categories=", ".join(TicketCategory), labels=", ".join(Label)),
        user=user.substitute(
            category=verdict.category,
            severity=verdict.severity,
            priority=verdict.priority,
            found_labels=_listed(verdict.labels),
            tag=_tag(f"{title}\n{sent}"),
            title=title,
            body=sent,
            left_out=f" Of its body the last {left_out} characters were left out." if left_out else "",
        ),
    )


@cache
def _parts() -> tuple[Template, Template]:
    text = files("aiops_triage.prompts").joinpath(PROMPT_NAME, f"{PROMPT_VERSION}.md").read_text("utf-8")
    system, user = text.split(_USER_HEADING)
    return Template(system.removeprefix(_SYSTEM_HEADING).strip()), Template(user.strip())


def _listed(labels: Iterable[Label]) -> str:
    return ", ".join(labels) or "none"


def _tag(text: str) -> str:
    """A name that ``text`` does not contain; the same for the same text, so that answers can be recorded by prompt."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    while (tag := f"ticket-{digest[:16]}") in text:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return tag
