"""Secrets that are recognised by the name in front of them: ``password=``, ``"token": "…"``, ``Authorization: …``."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

# What a name that holds a secret ENDS in (so max_tokens, token_type and password_policy hold none): a literal, which
# the scan runs on, and the rest of the word.
_NAMES = tuple(
    (literal, re.compile(literal + rest))
    for literal, rest in (
        ("passw", "(?:or[dt]|d)"),
        ("passphrase", ""),
        ("passcode", ""),
        ("pwd", ""),
        ("secret", ""),
        ("token", ""),
        ("credential", "s?"),
        ("authorization", ""),
        ("cookie", ""),
        ("key", ""),
    )
)
_KEY_OF = re.compile(
    r"(?:api|access|account|auth|private|secret|master|encryption|signing|shared|storage|license)[_ .-]?"
)
_KEY_OF_LENGTH = 12
# Issued tokens mix letters and digits; a value of fewer letters and nothing else is a word of a program.
_SHORTEST_LETTERS_ONLY = 24
_ASSIGN = re.compile(
    r"[0-9]?(?:\\?[\"'])?[\])]?[ \t]{0,4}(?:=>|:=|==?|::?|>(?=[^\s<]))[ \t]{0,4}(?=\S)"
    r"(?:(?:bearer|basic|token|digest|negotiate|apikey)[ \t]{1,4})?"
)
# What begins with a dash is the next option, unless it is long and has a digit: random tokens begin with one too.
_BLANK = re.compile(r"[0-9]?[ \t]{1,4}(?=[^\s-]|(?=\S{0,99}[0-9])--?[\w-]{30})")
_IS = re.compile(r"[ \t](?:is|was|ist)[ \t]?:?[ \t]{1,2}(?=\S)")

_QUOTED = re.compile(r"(?P<quote>[\"'`])(?P<value>(?:[^\"'`\\\r\n]|\\[^\r\n]|(?!(?P=quote))[\"'`]){1,4096})")
_QUOTED_IN_QUOTES = re.compile(
    r"\\(?P<quote>[\"'])(?P<value>(?:[^\"'`\\\r\n]|\\(?!(?P=quote))[^\r\n]|(?!(?P=quote))[\"'`]){1,4096})"
)
_BARE = re.compile(r"(?P<value>[^\s,;&\"'`<>(){}\[\]|\\]{3,4096})")
_COOKIES = re.compile(r"(?P<value>[^\r\n\"'<>]{3,4096})")

# Words that follow a name and say something about the secret instead of being it.
_NOT_SECRET = re.compile(
    "none|null|nil|true|false|yes|no|undefined|unset|empty|missing|required|invalid|incorrect|wrong|expired|changed"
    "|reset|disabled|enabled|optional|default|unknown|failed|rejected|denied|accepted|not|found|for|has|was|the|and"
    "|string|str|int|bool|bytes|basic|bearer"
)
_MASKED = re.compile(r"[*.xX•#-]+|\$\{?\w+\}?|%\w+%|\$\(.*")


def assigned_secrets(text: str) -> Iterator[Span]:
    """Values that are assigned to, passed as, or said to be a password, token, key or cookie."""
    lowered = _lower(text)
    for literal, name in _NAMES:
        if literal not in lowered:
            continue
        for match in name.finditer(lowered):
            if literal == "key" and not _is_secret_key(lowered, match.start()):
                continue
            for span in _after(text, lowered, *match.span(), cookies=literal == "cookie"):
                if not _names_something_else(literal, text[span.start : span.end]):
                    yield span


def _names_something_else(literal: str, value: str) -> bool:
    """Whether ``value`` is a type (``token: CancelToken``) or the working directory (``PWD=/srv``)."""
    if literal in ("token", "key", "credential"):
        return value.isalpha() and len(value) < _SHORTEST_LETTERS_ONLY
    return literal == "pwd" and value.startswith("/")


def _is_secret_key(lowered: str, start: int) -> bool:
    before = lowered[max(0, start - _KEY_OF_LENGTH) : start]
    return any(match.end() == len(before) for match in _KEY_OF.finditer(before))


def _after(text: str, lowered: str, start: int, end: int, *, cookies: bool) -> Iterator[Span]:
    if assign := _ASSIGN.match(lowered, end):
        yield from _value(text, assign.end(), cookies=cookies)
    elif said := _IS.match(lowered, end):
        yield from (span for span in _value(text, said.end()) if _looks_random(text[span.start : span.end]))
    elif (blank := _BLANK.match(lowered, end)) and _is_flag(lowered, start):
        yield from _value(text, blank.end())


def _is_flag(lowered: str, start: int) -> bool:
    """Whether the name is a command line's, as in ``--db-password``."""
    word = re.split(r"\s", lowered[max(0, start - 40) : start])[-1]
    return word.startswith("--")


def _lower(text: str) -> str:
    """``text`` in lower case, of the same length: offsets in the one are offsets in the other."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char.isascii() else char for char in text)


def _value(text: str, start: int, *, cookies: bool = False) -> Iterator[Span]:
    quoted = _QUOTED.match(text, start) or _QUOTED_IN_QUOTES.match(text, start)
    match = quoted or (_COOKIES if cookies else _BARE).match(text, start)
    if match is None:
        return
    value = match["value"]
    if _NOT_SECRET.fullmatch(value.lower().rstrip(".:!?")) or _MASKED.fullmatch(value) or PLACEHOLDER.fullmatch(value):
        return
    yield Span(*match.span("value"), Kind.SECRET)


def _looks_random(value: str) -> bool:
    """Whether ``value`` is no word of a sentence: it has a digit or a symbol inside, or the entropy of a key."""
    inner = value.rstrip(".,:!?")
    if len(inner) < 4:
        return False
    return not inner.replace("-", "").isalpha() or (len(inner) >= 16 and _bits_per_char(inner) >= 3.5)


def _bits_per_char(value: str) -> float:
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
