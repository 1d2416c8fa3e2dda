"""Merge commits, whose change stands in the body, and squash bodies, which list the commits they were made of."""

import re

from aiops_changelog.engine import quoting, sections
from aiops_changelog.engine.message import HEADER, Message, parse

_MERGE = re.compile(
    r"Merge pull request #([0-9]+)|Merged in \S+ \(pull request #([0-9]+)\)|Auto merge of #([0-9]+) - |Merge #([0-9]+)"
    r"|Merge (?:remote-tracking )?(?:branch|branches|tag|tags|commit|commits) |Merge remote branch "
    r"|Merge \S+ into \S+$|Merge \S{1,200}/\S{1,200}$"
)
_AZURE = re.compile(r"Merged PR ([0-9]+): (?=\S)")
_NOT_A_TITLE = re.compile(
    r"See merge request|#? ?Conflicts:|[*-] |#\t|Clos(?:e|es|ed) |Fix(?:es|ed)? #|[A-Z][a-z]+-(?:by|on): |\t"
)
_CONVENTIONAL_BULLET = re.compile(r"\n[*-] +[^\W\d_][\w-]*(?:\([^()\n]*\))?!?: ")
_BULLET = re.compile(r"^[*-] +(\S.*)$", re.MULTILINE)


def is_merge(subject: str) -> bool:
    """Whether the subject is one that git or a forge writes for a merge; "Merge duplicate rows" is none."""
    return subject.startswith(("Merge", "Auto merge")) and _MERGE.match(subject) is not None


def said_by(message: Message) -> tuple[Message | None, bool]:
    """What says what a commit brings, None where it brings nothing of its own; and whether it is a merge."""
    if not is_merge(message.subject):
        return without_forge_prefix(message), False
    said = merged_change(message)
    message.pull_request = request_number(message)
    return said, True


def request_number(message: Message) -> str | None:
    """Number of the pull request that a merge's subject names."""
    match = _MERGE.match(message.subject)
    return next((group for group in match.groups() if group), None) if match else None


def merged_change(message: Message) -> Message | None:
    """The change that a merge stands for, read from its body; None where it brings nothing of its own.

    The title of a pull request is trusted; a plain merge needs a conventional title, for its body is mostly about
    conflicts.
    """
    number = request_number(message)
    lines = message.rest.strip("\n").split("\n")
    position = next((i for i, line in enumerate(lines) if line.strip()), None)
    if position is None or _NOT_A_TITLE.match(lines[position]) or is_merge(lines[position]):
        return None
    change = parse("\n".join(lines[position:]))
    from_request = number is not None or "See merge request " in message.rest
    if not from_request and change.type not in sections.TYPES:
        return None
    change.pull_request = change.pull_request or number
    change.references = message.references
    return change


def without_forge_prefix(message: Message) -> Message:
    """The message behind Azure's ``Merged PR 12: ``; any other message unchanged."""
    if not message.subject.startswith("Merged PR "):
        return message
    match = _AZURE.match(message.subject)
    if not match:
        return message
    change = parse(message.subject[match.end() :] + "\n" + message.rest)
    change.pull_request = change.pull_request or match[1]
    return change


def squashed(message: Message) -> list[Message]:
    """Commits listed in a squash body, one per bullet that is a conventional line of a well-known type.

    One such bullet is enough behind a pull request's number; elsewhere it takes two, and they must be half of the
    list, so that prose with a list in it is not mistaken for one.
    """
    rest = message.rest
    if not ("\n* " in rest or "\n- " in rest or rest[:2] in ("* ", "- ")):
        return []
    if not _CONVENTIONAL_BULLET.search("\n" + rest):
        return []
    bullets = list(_BULLET.finditer(quoting.masked(message.rest)))
    conventional = sum(_is_conventional(bullet[1]) for bullet in bullets)
    if conventional < (1 if message.pull_request else 2):
        return []
    if not message.pull_request and 2 * conventional < len(bullets):
        return []
    ends = [bullet.start() for bullet in bullets[1:]] + [len(message.rest)]
    return [
        parse(message.rest[bullet.start(1) : end])
        for bullet, end in zip(bullets, ends, strict=True)
        if _is_conventional(bullet[1])
    ]


def _is_conventional(line: str) -> bool:
    header = HEADER.fullmatch(line) if ":" in line else None
    return header is not None and header[1].lower() in sections.TYPES
