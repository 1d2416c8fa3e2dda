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
_PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-fA-F]{7,64})\)", re.MULTILINE)
_FIRST_SYMBOL = "\u203c"


@dataclass(slots=True)
class Message:
    """Facts stated by one message. ``type`` is lower case and None where the subject has no header.

    ``rest`` is the raw text behind the subject's line; ``description`` has no trailing pull-request number;
    ``marker`` is what a leading gitmoji says. ``key`` is what spellings of one subject share. ``picked`` are the hashes
    that it was cherry-picked from, in lower case.
    """

    subject: str
    rest: str
    description: str
    type: str | None = None
    scope: str | None = None
    breaking: bool = False
    note: str | None = None
    references: tuple[str, ...] = ()
    pull_request: str | None = None
    marker: ChangeSection | None = None
    key: str = ""
    picked: tuple[str, ...] = ()

    @property
    def footers(self) -> tuple[Footer, ...]:
        """The footers, looked for when they are asked for: most messages are done without them."""
        return footers.parse(self.rest) if self.rest else footers.NO_FOOTERS


def parse(text: str) -> Message:
    """Take one raw commit message apart; never fails, whatever the text."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    subject, _, rest = text.partition("\n")
    if not subject or subject[0].isspace():
        subject, _, rest = text.lstrip().partition("\n")
    if not subject.isprintable():
        subject = _CONTROL.sub(" ", subject)
    subject = subject.rstrip()
    description, pull_request = references.split_request(subject) if subject[-1:] == ")" else (subject, None)
    message = Message(subject, rest, description, pull_request=pull_request, key=subject_key(description))
    _read_header(message)
    if "BREAKING" in rest:
        message.note = footers.breaking_note(message.footers)
        message.breaking = message.breaking or message.note is not None
    if "(cherry picked from commit " in rest:
        message.picked = tuple(source.lower() for source in _PICKED.findall(rest))
    if "#" in text or "-" in text or "!" in rest:
        message.references = references.find(text)
    return message


def subject_key(subject: str) -> str:
    """What two spellings of one subject share: case, spacing, and the numbers of its pull request left aside."""
    if subject.endswith(")"):
        subject = references.without_requests(subject)
    key = subject.casefold()
    return " ".join(key.split()) if "  " in key else key.strip()


def _read_header(message: Message) -> None:
    """Read the header off the description, which becomes what stands behind it."""
    description = message.description
    header = HEADER.fullmatch(description) if ":" in description else None
    if (header is None or header[1].lower() not in sections.TYPES) and _may_have_prefix(description):
        message.marker, message.description = _without_prefix(description)
        header = HEADER.fullmatch(message.description)
        message.breaking = message.marker is ChangeSection.BREAKING
    if header:
        type_, scope, mark, message.description = header.groups()
        message.type = type_.lower()
        message.scope = scope.strip() if scope else None
        message.breaking = message.breaking or mark is not None


def _may_have_prefix(subject: str) -> bool:
    """Whether a gitmoji or a ticket's key can stand in front: a look at two characters."""
    first, second = subject[:1], subject[1:2]
    return first in (":", "[") or first >= _FIRST_SYMBOL or (first.isupper() and (second.isupper() or second.isdigit()))


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
