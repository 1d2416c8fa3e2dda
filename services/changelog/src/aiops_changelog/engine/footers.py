"""The footer block of a commit message.

Source: Conventional Commits 1.0.0, rules 8–12 and 16. https://www.conventionalcommits.org/en/v1.0.0/
"""

import re
from typing import NamedTuple

from aiops_changelog.engine import quoting

_TOKEN = r"(?:BREAKING[ -]CHANGE|[^\W\d_][\w-]*)"  # noqa: S105 - a footer's token, not a secret
# Rule 8: footers stand one blank line after the body, so only the start of a paragraph can open the block.
_OPENING = re.compile(rf"\n[ \t]*\n(?={_TOKEN}(?::(?:[ \t\n]|$)| #))")
_FOOTER = re.compile(rf"^({_TOKEN})(:(?:[ \t]+|(?=\n|$))| #)", re.MULTILINE)
_BREAKING = frozenset(("BREAKING CHANGE", "BREAKING-CHANGE"))


class Footer(NamedTuple):
    """A token and its value, which may span lines; ``separator`` is ``":"`` or ``"#"``."""

    token: str
    value: str
    separator: str


NO_FOOTERS: tuple[Footer, ...] = ()


def parse(rest: str) -> tuple[Footer, ...]:
    """Footers of a message, where ``rest`` is what follows the subject's line end.

    Once the block is open it goes on to the end: a value runs until the next valid token (rule 10), across blank
    lines too. Fenced and quoted text opens nothing and ends nothing.
    """
    text = "\n" + rest
    if not _OPENING.search(text):
        return NO_FOOTERS
    visible = quoting.masked(text)
    opening = _OPENING.search(visible)
    if not opening:
        return NO_FOOTERS
    heads = list(_FOOTER.finditer(visible, opening.end()))
    footers = []
    for number, head in enumerate(heads):
        end = heads[number + 1].start() if number + 1 < len(heads) else len(text)
        if head[1] in _BREAKING and quoting.is_quoted(visible, head.start()):
            continue
        footers.append(Footer(head[1], text[head.end() : end].strip(), head[2].strip()))
    return tuple(footers)


def breaking_note(footers: tuple[Footer, ...]) -> str | None:
    """Description of the first breaking-change footer, None without one.

    Rule 12 asks for the uppercase text, a colon and a description: ``BREAKING CHANGE #4`` and an empty one are none.
    """
    for footer in footers:
        if footer.token in _BREAKING and footer.separator == ":" and footer.value:
            return footer.value
    return None
