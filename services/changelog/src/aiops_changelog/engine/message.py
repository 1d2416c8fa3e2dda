"""A commit message taken apart: Conventional Commits 1.0.0, with what teams put in front of it."""

import re
from dataclasses import dataclass

from aiops_changelog.domain import ChangeSection
from aiops_changelog.engine import footers, gitmoji, references, sections
from aiops_changelog.engine.footers import Footer

# Rules 1, 4, 5 and 13: a noun, a scope in parentheses, "!" immediately before the colon, a space, a description.
HEADER = re.compile(r"([^\W\d_][\w-]*)(?:\(\s*([^()\s][^()]*)\))?(!)?: +(\S.*)", re.DOTALL)
_TICKET = re.compile(r"(?:\[([A-Z][A-Z0-9]{1,9}-[0-9]+)\]|([A-Z][A-Z0-9]{1,9}-[0-9]+)(?=[\s:]))[\s:|-]*")
_CONTROL = re.compile(r"[^\S ]+|[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


@dataclass(slots=True)
class Message:
    """Facts stated by one message. ``type`` is lower case and None where the subject has no header.

    ``rest`` is the raw text behind the subject's line; ``description`` has no trailing pull-request number;
    ``marker`` is what a leading gitmoji says.
    """

    subject: str
    rest: str
    description: str
    type: str | None = None
    scope: str | None = None
    breaking: bool = False
    note: str | None = None
    footers: tuple[Footer, ...] = footers.NO_FOOTERS
    references: tuple[str, ...] = ()
    pull_request: str | None = None
    marker: ChangeSection | None = None


def parse(text: str) -> Message:
    """Take one raw commit message apart; never fails, whatever the text."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    subject, _, rest = text.partition("\n")
    if not subject or subject[0].isspace():
        subject, _, rest = text.lstrip().partition("\n")
    if not subject.isprintable():
        subject = _CONTROL.sub(" ", subject)
    message = _parse_subject(subject.rstrip(), rest)
    if rest:
        message.footers = footers.parse(rest)
        if message.footers and "BREAKING" in rest:
            message.note = footers.breaking_note(message.footers)
            message.breaking = message.breaking or message.note is not None
    if "#" in text or "-" in text:
        message.references = references.find(text)
    return message


def _parse_subject(subject: str, rest: str) -> Message:
    description, pull_request = subject, None
    if subject.endswith(")"):
        match = references.PULL_REQUEST.search(subject)
        if match and match.start():
            description, pull_request = subject[: match.start()].rstrip(), match[1]
    header = HEADER.fullmatch(description)
    marker = None
    if not header or header[1].lower() not in sections.TYPES:
        marker, description = _without_prefix(description)
        header = HEADER.fullmatch(description)
    message = Message(subject, rest, description, pull_request=pull_request, marker=marker)
    if header:
        message.type = header[1].lower()
        message.scope = header[2].strip() if header[2] else None
        message.breaking = header[3] is not None
        message.description = header[4]
    if marker is ChangeSection.BREAKING:
        message.breaking = True
    return message


def _without_prefix(subject: str) -> tuple[ChangeSection | None, str]:
    """Gitmoji section, and the subject without leading gitmoji and ticket key, which may come in either order."""
    marker = None
    for _ in range(3):
        emoji = gitmoji.split(subject)
        if emoji and emoji[1]:
            marker, subject = marker or emoji[0], emoji[1]
            continue
        ticket = _TICKET.match(subject)
        if not ticket or ticket.end() == len(subject) or not references.find(ticket[0].strip("[]:|- \t")):
            break
        subject = subject[ticket.end() :]
    return marker, subject
