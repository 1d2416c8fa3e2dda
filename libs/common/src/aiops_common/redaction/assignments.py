"""Secrets that are recognised by the name in front of them: ``password=``, ``"token": "…"``, ``Authorization: …``."""

import re
from collections.abc import Iterator

from aiops_common.redaction.names import PASSWORD, secret_names
from aiops_common.redaction.spans import Span
from aiops_common.redaction.values import (
    BARE,
    COOKIES,
    ENCODED,
    IN_DOUBLE_QUOTES,
    WITH_SIGNS,
    is_like_a_password,
    looks_random,
    mixes_letters_and_digits,
    names_something_else,
    value_at,
)

# Quotes may be escaped, more than once where JSON was put into JSON, doubled in CSV, or encoded for HTML or a URL.
_MARK = r"(?:\\{0,7}(?:\"\"|[\"'`])|&quot;|&\#34;|%22)"
_BLANKS = r"[ \t\xa0]{0,40}"
_COLOUR = r"(?:\x1b\[[0-9;]{0,12}m)?"
# Markdown: **Password:** and **Password**:
_BOLD = r"(?:\*\*(?=[ \t:=]))?"
_ASSIGN = re.compile(
    rf"[0-9]?{_MARK}?{_COLOUR}(?:\[[0-9]{{1,3}}\])?(?:[\])]|%5d)?{_BOLD}{_COLOUR}{_BLANKS}"
    rf"(?:=>|:=|==?|::?{_BOLD}|[：＝]|%3d|%3a|(?:&gt;|>)(?:<!\[cdata\[)?(?=[^\s<]))"
    rf"{_BLANKS}(?:&[\w-]{{1,40}}[ \t]{{1,4}})?{_COLOUR}(?:&quot;|&\#34;|%22)?(?=\S)"
    r"(?:(?:bearer|basic|token|digest|negotiate|apikey|ssws|splunk|geniekey|oauth)[ \t]{1,4})?"
)
_POINTS = re.compile(rf"{_MARK}?{_BLANKS}(?:->|→|\|){_BLANKS}(?=[^\s|])")
_ELEMENT = re.compile(r"[ \t][^<>\n]{1,120}>(?:<!\[cdata\[)?(?=[^\s<])")
_ELEMENT_BEFORE = re.compile(r"<[\w:.-]{0,40}\Z")
# What begins with a dash is the next option, unless it is long and has a digit: random tokens begin with one too.
_BLANK = re.compile(r"[0-9]?[ \t]{1,4}(?=[^\s-]|(?=\S{0,99}[0-9])--?[\w-]{30})")
# "name": "DB_PASSWORD", "value": "…", in XML as well; in YAML the value stands in the next line.
_VALUE_OF = re.compile(
    r"[\"']?[ \t]{0,4},?(?:[ \t]{1,9}[\w-]{1,20}=[\"'][^\"'<>\n]{0,60}[\"']){0,4}"
    r"[ \t]{1,60}[\"']?(?:parameter)?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?=\S)"
)
# "password": ["…", "…"]
_IN_LIST = re.compile(r"\[[ \t]{0,4}(?=[\"'])")
_NEXT_IN_LIST = re.compile(r"[\"'][ \t]{0,4},[ \t]{0,4}(?=[\"'])")
# Behind an arrow without blanks it is a member of a program mostly, and not where it is called or led on from.
_MEMBER = re.compile(r"->(?=[^\s|])")
_LED_ON = ("(", "-", ">", "[", ".")
_LISTED = re.compile(r"[\"'][ \t]{0,2},[ \t]{0,2}(?=[\"'])")
_IS = re.compile(r"[ \t](?:(?:for|of|für)[ \t][^\s.,;:]{1,60}[ \t])?(?:is|was|ist|lautet)[ \t]?:?[ \t]{1,2}(?=\S)")
_BEHIND = re.compile(
    r"[ \t]{1,4}(?:(?:(?:for|of|für)[ \t]\S{1,60}[ \t])?(?:to|as)[ \t]{1,4}|[0-9][ \t]{1,4})?"
    r"(?=[^\s-])(?=\S{0,99}[0-9])"
)


def assigned_secrets(text: str) -> Iterator[Span]:
    """Values that are assigned to, passed as, or said to be a password, token, key or cookie."""
    lowered = _lower(text)
    for names in secret_names(text, lowered):
        behind = 0
        for name in names:
            if name.start() < behind:  # within what has been found: name=name=name=… is read once
                continue
            for span in _after(text, lowered, *name.span()):
                if not names_something_else(name[0], text[span.start : span.end]):
                    behind = span.end
                    yield span


def _after(text: str, lowered: str, start: int, end: int) -> Iterator[Span]:
    # Where a word follows, as mostly in prose, no sign does.
    if lowered[end] in " \t" and lowered[end + 1 : end + 2].isalnum():
        yield from _after_words(text, lowered, start, end)
    elif assign := _ASSIGN.match(lowered, end):
        if listed := _IN_LIST.match(text, assign.end()):
            yield from _listed(text, listed.end())
        else:
            yield from value_at(text, assign.end(), _form(lowered, start, assign))
    elif pair := _VALUE_OF.match(lowered, end):
        yield from value_at(text, pair.end())
    elif member := _MEMBER.match(lowered, end):
        if PASSWORD.match(lowered, start, end):
            yield from (s for s in _mixed(text, member.end()) if not text.startswith(_LED_ON, s.end))
    elif listed := _LISTED.match(lowered, end) or _POINTS.match(lowered, end):
        yield from _mixed(text, listed.end())
    else:
        yield from _after_words(text, lowered, start, end)


def _mixed(text: str, start: int) -> Iterator[Span]:
    return (span for span in value_at(text, start) if mixes_letters_and_digits(text[span.start : span.end]))


def _listed(text: str, start: int) -> Iterator[Span]:
    """The values of a list in quotes; whole sentences say what is wrong with a value."""
    while start:
        found = next(value_at(text, start), None)
        if found is None or any(map(str.isspace, text[found.start : found.end])):
            return
        yield found
        following = _NEXT_IN_LIST.match(text, found.end)
        start = following.end() if following else 0


def _after_words(text: str, lowered: str, start: int, end: int) -> Iterator[Span]:
    if said := _IS.match(lowered, end):
        yield from (span for span in value_at(text, said.end()) if looks_random(text[span.start : span.end]))
    elif pair := _VALUE_OF.match(lowered, end):
        yield from value_at(text, pair.end())
    elif (blank := _BLANK.match(lowered, end)) and _is_flag(lowered, start):
        yield from value_at(text, blank.end())
    elif "<" in lowered[max(0, start - 42) : start] and (element := _element(lowered, start, end)):
        yield from value_at(text, element.end())
    elif (behind := _BEHIND.match(lowered, end)) and PASSWORD.match(lowered, start, end):
        yield from (s for s in value_at(text, behind.end()) if is_like_a_password(text[s.start : s.end]))


def _element(lowered: str, start: int, end: int) -> re.Match[str] | None:
    """The rest of a tag of XML that is named so, attributes included."""
    return _ELEMENT.match(lowered, end) if _ELEMENT_BEFORE.search(lowered, max(0, start - 42), start) else None


def _form(lowered: str, start: int, assign: re.Match[str]) -> re.Pattern[str]:
    """How a value without quotes goes on."""
    if lowered.startswith("cookie", start):
        return COOKIES
    if "%" in assign[0]:
        return ENCODED
    if '""' in assign[0]:
        return IN_DOUBLE_QUOTES
    return WITH_SIGNS if PASSWORD.match(lowered, start, assign.start()) else BARE


def _is_flag(lowered: str, start: int) -> bool:
    """Whether the name is a command line's, as in ``--db-password``."""
    before = lowered[max(0, start - 40) : start]
    if "-" not in before:
        return False
    word = re.split(r"\s", before)[-1]
    return word.startswith("--") or word == "-"  # some tools have a single dash


def _lower(text: str) -> str:
    """``text`` in lower case, of the same length: offsets in the one are offsets in the other."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char.isascii() else char for char in text)
