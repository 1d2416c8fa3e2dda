"""Secrets that are recognised by the name in front of them: ``password=``, ``"token": "…"``, ``Authorization: …``."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

# What a name that holds a secret ENDS in (so max_tokens, token_type and password_policy hold none): a literal, which
# the scan runs on, up to the slash, and a pattern for the rest of the word.
_NAMES = tuple(
    (name.partition("/")[0], re.compile(name.replace("/", "")))
    for name in (
        *("pass/(?:wor[dt]|wd|phrase|code)?", "pwd", "secret", "token", "credential/s?", "auth/(?:orization)?"),
        *(
            "cookie",
            "key",
            "sig/(?:nature)?",
            "mot de passe",
            "contrase/[ñn]a",
            "wachtwoord",
            "senha",
            "пароль",
            "密码",
        ),
    )
)
# Words that mean other things as well: what follows must look like a key, and have at least so many characters.
_WEAK = {
    name: int(least)
    for name, _, least in (one.partition("/") for one in ("pass/8", "auth/12", "sig/20", "signature/20"))
}
# "tests pass: …" says what passed. Not "redis pass: …", which names a password.
_PASSING = re.compile(
    r"(?:\b(?:tests?|checks?|jobs?|steps?|stages?|specs?|suites?|cases?|builds?|runs?|assertions?|pipelines?|all|both"
    r"|they|must|should|to|will|can|could|did|not|first|second)|[0-9])[ \t]{1,4}\Z"
)
_PASSING_LENGTH = 20
_KEY_OF = re.compile(
    r"(?:api|access|account|auth|private|secret|master|encryption|signing|shared|storage|license)[_ .-]?"
)
_KEY_OF_LENGTH = 12
# Issued tokens mix letters and digits; a value of fewer letters and nothing else is a word of a program.
_SHORTEST_LETTERS_ONLY = 24
# So much of a value shows whether it mixes them.
_ENOUGH = 64
_ASSIGN = re.compile(
    r"[0-9]?(?:\\?[\"'])?[\])]?[ \t]{0,4}(?:=>|:=|==?|::?|：|>(?=[^\s<]))[ \t]{0,4}(?=\S)"
    r"(?:(?:bearer|basic|token|digest|negotiate|apikey)[ \t]{1,4})?"
)
# What begins with a dash is the next option, unless it is long and has a digit: random tokens begin with one too.
_BLANK = re.compile(r"[0-9]?[ \t]{1,4}(?=[^\s-]|(?=\S{0,99}[0-9])--?[\w-]{30})")
# "name": "DB_PASSWORD", "value": "…", in XML as well; in YAML the value stands in the next line.
_VALUE_OF = re.compile(r"[\"']?[ \t]{0,4},?[ \t]{1,60}[\"']?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?=\S)")
_VALUE_LINE = re.compile(r"\n[ \t]{0,60}[\"']?value[\"']?[ \t]{0,4}[:=][ \t]{0,4}(?=\S)")
_NAME_BEFORE = re.compile(
    rf"(?:pass(?:wor[dt]|wd|phrase|code)?|pwd|secret|token|credentials?|authorization|{_KEY_OF.pattern}key)\Z"
)
_NAME_LENGTH = 100
_LISTED = re.compile(r"[\"'][ \t]{0,2},[ \t]{0,2}(?=[\"'])")
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
            if match[0] in _WEAK and not _is_word(text, *match.span()):
                continue
            if match[0] == "pass" and _PASSING.search(lowered, max(0, match.start() - _PASSING_LENGTH), match.start()):
                continue
            for span in _after(text, lowered, *match.span(), cookies=literal == "cookie"):
                if not _names_something_else(match[0], text[span.start : span.end]):
                    yield span


def values_in_next_lines(text: str) -> Iterator[Span]:
    """Values of variables that the line before names, as manifests of Kubernetes list them."""
    if "value" not in text:
        return
    for match in _VALUE_LINE.finditer(text):
        before = text[max(0, match.start() - _NAME_LENGTH) : match.start()].rstrip(" \t\r,\"'").lower()
        if _NAME_BEFORE.search(before):
            yield from _value(text, match.end())


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether it is a word of a name, as in ``db_pass`` and ``dbPass``, and no part of one, as in ``compass``."""
    before, after = text[start - 1 : start], text[end : end + 1]
    begins = not before.isalpha() or (text[start].isupper() and before.islower())
    return begins and not after.isalpha()


def _names_something_else(name: str, value: str) -> bool:
    """Whether ``value`` is a type (``token: CancelToken``) or the working directory (``PWD=/srv``)."""
    if name in _WEAK:
        return len(value) < _WEAK[name] or not _mixes_letters_and_digits(value)
    if name in ("token", "key", "credential", "credentials"):
        return value.isalpha() and len(value) < _SHORTEST_LETTERS_ONLY
    return name == "pwd" and value.startswith("/")


def _is_secret_key(lowered: str, start: int) -> bool:
    before = lowered[max(0, start - _KEY_OF_LENGTH) : start]
    return any(match.end() == len(before) for match in _KEY_OF.finditer(before))


def _after(text: str, lowered: str, start: int, end: int, *, cookies: bool) -> Iterator[Span]:
    if assign := _ASSIGN.match(lowered, end):
        yield from _value(text, assign.end(), cookies=cookies)
    elif said := _IS.match(lowered, end):
        yield from (span for span in _value(text, said.end()) if _looks_random(text[span.start : span.end]))
    elif pair := _VALUE_OF.match(lowered, end):
        yield from _value(text, pair.end())
    elif listed := _LISTED.match(lowered, end):
        yield from (s for s in _value(text, listed.end()) if _mixes_letters_and_digits(text[s.start : s.end]))
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


def _mixes_letters_and_digits(value: str) -> bool:
    """Whether ``value`` begins as one word of letters and digits; neither a count, nor a time, nor a path."""
    head = value[:_ENOUGH]
    return head[0] not in "/.<" and ":" not in head and any(map(str.isdigit, head)) and any(map(str.isalpha, head))


def _bits_per_char(value: str) -> float:
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
