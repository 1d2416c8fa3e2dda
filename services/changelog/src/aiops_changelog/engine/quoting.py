"""Which parts of a commit message are quoted: what stands there is shown, not said."""

import re

_OPENINGS = ("```", "~~~", "<!--")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOT_NEWLINE = re.compile(r"[^\n]")
_FILLER = "."


def masked(text: str) -> str:
    """``text`` with fenced blocks and HTML comments overwritten, of the same length and with the same line ends.

    The filler is no space, so a masked line neither opens a paragraph nor starts with a token. A fence that is never
    closed runs to the end (CommonMark 0.31, section 4.5).
    """
    if not any(opening in text for opening in _OPENINGS):
        return text
    text = _COMMENT.sub(lambda match: _NOT_NEWLINE.sub(_FILLER, match[0]), text)
    lines = text.split("\n")
    fence = ""
    for number, line in enumerate(lines):
        match = _FENCE.match(line)
        if fence:
            lines[number] = _FILLER * len(line)
            if match and match[1].startswith(fence) and not match[2].strip():
                fence = ""
        elif match and not (match[1][0] == "`" and "`" in match[2]):
            fence = match[1]
            lines[number] = _FILLER * len(line)
    return "\n".join(lines)


def is_quoted(text: str, position: int) -> bool:
    """Whether ``position`` stands between an opening and a closing quotation mark or backtick of ``text``.

    An odd number of marks on both sides is what a quotation across paragraphs looks like.
    """
    before, after = text[:position], text[position:]
    if any(before.count(mark) % 2 and after.count(mark) % 2 for mark in ('"', "`")):
        return True
    return any(
        before.count(opening) > before.count(closing) and closing in after for opening, closing in ("“”", "«»", "„“")
    )
