"""How the values of secrets are written, in quotes or without, and which of them are no secrets."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from aiops_common.redaction.names import OF_METHODS, WEAK
from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

_BEFORE_QUOTED = frozenset("\"'`\\ubrfUBRF")
_QUOTED = re.compile(r"(?P<quote>[\"'`])(?P<value>(?:[^\"'`\\\r\n]|\\[^\r\n]|(?!(?P=quote))[\"'`]){1,4096})")
_QUOTED_IN_QUOTES = re.compile(
    r"(?P<quote>\\{1,7}(?P<mark>[\"']))(?P<value>(?:(?!(?P=mark))[^\\\r\n]|(?!(?P=quote))\\++[^\r\n]?){1,4096})"
)
_PREFIX = re.compile(r"(?:[ubrf]{1,2}(?=[\"']))?(?:\"\"(?=\"))?", re.IGNORECASE)
_PLAIN = r"[^\s\x1b,;&\"'`<>(){}\[\]|\\]"
BARE = re.compile(rf"(?P<value>{_PLAIN}{{3,4096}}+)")
ENCODED = re.compile(r"(?P<value>(?:[\w.~*!+-]|%(?!22|26|2c|7d|3b|0a|0d)[0-9a-f]{2}){3,4096})", re.IGNORECASE)
"""In URLs a value ends at the next encoded sign that would end it."""
WITH_SIGNS = re.compile(
    rf"(?P<value>{_PLAIN}{{2,4096}}+(?:(?:(?:[,;]|&(?![a-z0-9#]{{2,6}};))(?![\w.%-]{{1,60}}(?:\\{{0,7}}[\"'])?[=:])"
    rf"|\([^\s()\"'<>]{{1,60}}\)){_PLAIN}{{1,200}}){{1,20}})"
)
"""A sign inside, unless the next pair or field begins behind it."""
COOKIES = re.compile(r"(?P<value>[^\r\n\"'<>]{3,4096})")
IN_DOUBLE_QUOTES = re.compile(r"\"\"(?P<value>[^\"\r\n]{1,4096})\"\"")
"""As CSV has quotes within quotes (RFC 4180)."""

# Words that follow a name and say something about the secret instead of being it.
_NOT_SECRET = re.compile(
    "none|null|nil|true|false|yes|no|undefined|unset|empty|missing|required|invalid|incorrect|wrong|expired|changed"
    "|reset|disabled|enabled|optional|default|unknown|failed|rejected|denied|accepted|not|found|for|has|was|the|and"
    "|string|str|int|bool|bytes|basic|bearer"
)
_MASKED = re.compile(r"[*.xX•#-]+|\$\{?\w+\}?|%\w+%|\$\(.*")

# The pair that follows a weak name is about something else (auth: method=password123), or its own name says what it is.
_PAIR = re.compile(r"[A-Za-z_.-]{1,40}=[^=]")
_OWN_NAME = re.compile(
    r"(?:[a-z_.-]{0,40}[_.-])?(?:pass(?:wor[dt]|wd|phrase|code)|pwd|secret)=[^\s=,;&\"'`<>(){}\[\]|\\]{3}",
    re.IGNORECASE,
)
# Issued tokens mix letters and digits; a value of fewer letters and nothing else is a word of a program.
_SHORTEST_LETTERS_ONLY = 24
# So much of a value shows whether it mixes them.
_ENOUGH = 64
_SHORTEST_PASSWORD = 8
# What work items, advisories and versions are called: INC0012345, CVE-2024-12345, 8.10.28-beta.
_REFERENCE = re.compile(r"[A-Z]{2,10}-[0-9][0-9-]*|[A-Z]{2,5}[0-9]{5,}|v?[0-9]{1,4}\.[0-9]{1,4}[.0-9]*(?:[-+~].*)?")


def value_at(text: str, start: int, form: re.Pattern[str] = BARE) -> Iterator[Span]:
    """The value that begins at ``start``, in quotes or in ``form``, unless it says that there is none or stands for
    one."""
    match = _in_quotes(text, start) or form.match(text, start) or BARE.match(text, start)
    if match and not stands_for_none(match["value"]):
        yield Span(*match.span("value"), Kind.SECRET)


def stands_for_none(value: str) -> bool:
    """Whether ``value`` says that there is no secret, or stands where one was or will be."""
    return bool(
        _NOT_SECRET.fullmatch(value.lower().rstrip(".:!?")) or _MASKED.fullmatch(value) or PLACEHOLDER.fullmatch(value)
    )


def _in_quotes(text: str, start: int) -> re.Match[str] | None:
    if text[start : start + 1] not in _BEFORE_QUOTED:
        return None
    prefix = _PREFIX.match(text, start)
    start = prefix.end() if prefix else start
    return _QUOTED.match(text, start) or _QUOTED_IN_QUOTES.match(text, start)


def names_something_else(name: str, value: str) -> bool:
    """Whether ``value`` is a type (``token: CancelToken``) or the working directory (``PWD=/srv``)."""
    if name in WEAK:
        if len(value) < WEAK[name] or not mixes_letters_and_digits(value):
            return True
        return (_PAIR if OF_METHODS.fullmatch(name) else _OWN_NAME).match(value) is not None
    if name in ("token", "key", "credential", "credentials"):
        return value.isalpha() and len(value) < _SHORTEST_LETTERS_ONLY
    return name == "pwd" and value.startswith("/")


def looks_random(value: str) -> bool:
    """Whether ``value`` is no word of a sentence: it has a digit or a symbol inside, or the entropy of a key."""
    inner = value.rstrip(".,:!?")
    if len(inner) < 4:
        return False
    return not inner.replace("-", "").isalpha() or (len(inner) >= 16 and _bits_per_char(inner) >= 3.5)


def is_like_a_password(value: str) -> bool:
    """Whether ``value``, behind the word only, is a password, and neither a word nor a reference."""
    return (
        len(value) >= _SHORTEST_PASSWORD
        and "=" not in value
        and not _REFERENCE.fullmatch(value)
        and mixes_letters_and_digits(value)
    )


def mixes_letters_and_digits(value: str) -> bool:
    """Whether ``value`` begins as one word of letters and digits; neither a count, nor a time, nor a path."""
    # What is around a placeholder was judged while the text still stood there that it hides.
    if value[0] in "/.<" or ("<" in value and PLACEHOLDER.search(value)):
        return False
    head = value[:_ENOUGH]
    return ":" not in head and any(map(str.isdigit, head)) and any(map(str.isalpha, head))


def _bits_per_char(value: str) -> float:
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
