"""Secrets that are recognised by the name in front of them: ``password=``, ``"token": "…"``, ``Authorization: …``."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from aiops_common.redaction.redacted import PLACEHOLDER, Kind
from aiops_common.redaction.spans import Span

# What a name that holds a secret ENDS in (so max_tokens, token_type and password_policy hold none): a literal, which
# the scan runs on, up to the slash, and a pattern for the rest of the word.
# Where it ends, one of these follows: a longer word (authentication, passwords) is passed over by the scan itself.
_NAME_ENDS = r"(?=[0-9\\\"'\])\[=:：＝ \t\xa0>,%&])"
_NAMES = tuple(
    (name.partition("/")[0], re.compile(name.replace("/", "") + _NAME_ENDS))
    for name in (
        *(
            "pass/(?:wor[dt]|wd|phrase|code)?",
            "pwd",
            "pw",
            "psk",
            "secret/(?:string)?",
            "token",
            "credential/s?",
            "auth/(?:orization)?",
        ),
        *(
            "cookie",
            "key/(?:_base|-data)?",
            "sig/(?:nature)?",
            "mot de passe",
            "contrase/[ñn]a",
            "kennwort",
            "wachtwoord",
            "senha",
            "пароль",
            "密码",
            "パスワード",
            "비밀번호",
            "hasło",
        ),
    )
)
# Words that mean other things as well: what follows must look like a key, and have at least so many characters.
_WEAK = {
    name: int(least)
    for name, _, least in (
        one.partition("/") for one in ("pass/8", "pw/8", "psk/8", "auth/12", "sig/20", "signature/20")
    )
}
_PAIR = re.compile(r"[A-Za-z_.-]{1,40}=[^=]")
# Words that mean nothing else: people write the password behind them without a sign, and it may have any sign in it.
_PASSWORD = re.compile("pass(?:wor[dt]|wd|phrase|code)|kennwort|pwd")
# "tests pass: …" says what passed. Not "redis pass: …", which names a password.
_PASSING = re.compile(
    r"(?:\b(?:tests?|checks?|jobs?|steps?|stages?|specs?|suites?|cases?|builds?|runs?|assertions?|pipelines?|all|both"
    r"|they|must|should|to|will|can|could|did|not|first|second)|[0-9])[ \t]{1,4}\Z"
)
_PASSING_LENGTH = 20
KEY_OF = (
    r"(?:api|access|account|app|auth|client|private|secret|master|encryption|signing|shared|storage|license)[_ .-]?"
)
"""What stands before ``key`` where it opens something."""
_KEY_OF = re.compile(KEY_OF)
_KEY_OF_LENGTH = 12
# Issued tokens mix letters and digits; a value of fewer letters and nothing else is a word of a program.
_SHORTEST_LETTERS_ONLY = 24
# So much of a value shows whether it mixes them.
_ENOUGH = 64
# Quotes may be escaped, more than once where JSON was put into JSON, or encoded for HTML or a URL.
_MARK = r"(?:\\{0,7}[\"']|&quot;|&\#34;|%22)"
_BLANKS = r"[ \t\xa0]{0,40}"
_ASSIGN = re.compile(
    rf"[0-9]?{_MARK}?(?:\[[0-9]{{1,3}}\])?(?:[\])]|%5d)?{_BLANKS}"
    r"(?:=>|:=|==?|::?|[：＝]|%3d|%3a|(?:&gt;|>)(?:<!\[cdata\[)?(?=[^\s<]))"
    rf"{_BLANKS}(?:&[\w-]{{1,40}}[ \t]{{1,4}})?(?:\x1b\[[0-9;]{{0,12}}m)?(?:&quot;|&\#34;|%22)?(?=\S)"
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
_LISTED = re.compile(r"[\"'][ \t]{0,2},[ \t]{0,2}(?=[\"'])")
_IS = re.compile(r"[ \t](?:(?:for|of|für)[ \t][^\s.,;:]{1,60}[ \t])?(?:is|was|ist|lautet)[ \t]?:?[ \t]{1,2}(?=\S)")
_BEHIND = re.compile(
    r"[ \t]{1,4}(?:(?:(?:for|of|für)[ \t]\S{1,60}[ \t])?(?:to|as)[ \t]{1,4}|[0-9][ \t]{1,4})?"
    r"(?=[^\s-])(?=\S{0,99}[0-9])"
)
_BEHIND_LENGTH = 8

_BEFORE_VALUES = frozenset("\"'`\\ubrfUBRF")
_QUOTED = re.compile(r"(?P<quote>[\"'`])(?P<value>(?:[^\"'`\\\r\n]|\\[^\r\n]|(?!(?P=quote))[\"'`]){1,4096})")
_QUOTED_IN_QUOTES = re.compile(
    r"(?P<quote>\\{1,7}(?P<mark>[\"']))(?P<value>(?:(?!(?P=mark))[^\\\r\n]|(?!(?P=quote))\\++[^\r\n]?){1,4096})"
)
_PREFIX = re.compile(r"(?:[ubrf]{1,2}(?=[\"']))?(?:\"\"(?=\"))?", re.IGNORECASE)
_PLAIN = r"[^\s,;&\"'`<>(){}\[\]|\\]"
_BARE = re.compile(rf"(?P<value>{_PLAIN}{{3,4096}})")
# In URLs a value ends at the next encoded sign that would end it.
_ENCODED = re.compile(r"(?P<value>(?:[\w.~*!+-]|%(?!22|26|2c|7d|3b|0a|0d)[0-9a-f]{2}){3,4096})", re.IGNORECASE)
# A sign inside, unless the next pair or field begins behind it.
_WITH_SIGNS = re.compile(
    rf"(?P<value>{_PLAIN}{{2,4096}}(?:(?:(?:[,;]|&(?![a-z0-9#]{{2,6}};))(?![\w.%-]{{1,60}}(?:\\{{0,7}}[\"'])?[=:])"
    rf"|\([^\s()\"'<>]{{1,60}}\)){_PLAIN}{{1,200}}){{1,20}})"
)
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
        behind = 0
        for match in name.finditer(lowered):
            if match.start() < behind:  # within what has been found: name=name=name=… is read once
                continue
            if literal == "key" and not _is_secret_key(lowered, match.start()):
                continue
            if match[0] in _WEAK and not _is_word(text, *match.span()):
                continue
            if match[0] == "pass" and _PASSING.search(lowered, max(0, match.start() - _PASSING_LENGTH), match.start()):
                continue
            for span in _after(text, lowered, *match.span(), cookies=literal == "cookie"):
                if not _names_something_else(match[0], text[span.start : span.end]):
                    behind = span.end
                    yield span


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether it is a word of a name, as in ``db_pass`` and ``dbPass``, and no part of one, as in ``compass``."""
    before, after = text[start - 1 : start], text[end : end + 1]
    begins = not before.isalpha() or (text[start].isupper() and before.islower())
    return begins and not after.isalpha()


def _names_something_else(name: str, value: str) -> bool:
    """Whether ``value`` is a type (``token: CancelToken``) or the working directory (``PWD=/srv``)."""
    if name in _WEAK:
        return len(value) < _WEAK[name] or not _mixes_letters_and_digits(value) or bool(_PAIR.match(value))
    if name in ("token", "key", "credential", "credentials"):
        return value.isalpha() and len(value) < _SHORTEST_LETTERS_ONLY
    return name == "pwd" and value.startswith("/")


def _is_secret_key(lowered: str, start: int) -> bool:
    before = lowered[max(0, start - _KEY_OF_LENGTH) : start]
    return any(match.end() == len(before) for match in _KEY_OF.finditer(before))


def _after(text: str, lowered: str, start: int, end: int, *, cookies: bool) -> Iterator[Span]:
    # Where a word follows, as mostly in prose, no sign does.
    if lowered[end] in " \t" and lowered[end + 1 : end + 2].isalnum():
        yield from _after_words(text, lowered, start, end)
    elif assign := _ASSIGN.match(lowered, end):
        yield from _value(text, assign.end(), cookies=cookies, form=_form(lowered, start, assign))
    elif pair := _VALUE_OF.match(lowered, end):
        yield from value_at(text, pair.end())
    elif listed := _LISTED.match(lowered, end) or _POINTS.match(lowered, end):
        yield from (s for s in value_at(text, listed.end()) if _mixes_letters_and_digits(text[s.start : s.end]))
    else:
        yield from _after_words(text, lowered, start, end)


def _after_words(text: str, lowered: str, start: int, end: int) -> Iterator[Span]:
    if said := _IS.match(lowered, end):
        yield from (span for span in value_at(text, said.end()) if _looks_random(text[span.start : span.end]))
    elif pair := _VALUE_OF.match(lowered, end):
        yield from value_at(text, pair.end())
    elif (blank := _BLANK.match(lowered, end)) and _is_flag(lowered, start):
        yield from value_at(text, blank.end())
    elif "<" in lowered[max(0, start - 42) : start] and (element := _element(lowered, start, end)):
        yield from value_at(text, element.end())
    elif (behind := _BEHIND.match(lowered, end)) and _PASSWORD.match(lowered, start, end):
        yield from (s for s in value_at(text, behind.end()) if _is_like_a_password(text[s.start : s.end]))


def _element(lowered: str, start: int, end: int) -> re.Match[str] | None:
    """The rest of a tag of XML that is named so, attributes included."""
    return _ELEMENT.match(lowered, end) if _ELEMENT_BEFORE.search(lowered, max(0, start - 42), start) else None


def _form(lowered: str, start: int, assign: re.Match[str]) -> re.Pattern[str]:
    """How a value without quotes goes on."""
    if "%" in assign[0]:
        return _ENCODED
    return _WITH_SIGNS if _PASSWORD.match(lowered, start, assign.start()) else _BARE


def _is_flag(lowered: str, start: int) -> bool:
    """Whether the name is a command line's, as in ``--db-password``."""
    before = lowered[max(0, start - 40) : start]
    if "-" not in before:
        return False
    word = re.split(r"\s", before)[-1]
    return word.startswith("--") or word in ("-", "-store", "-key")  # Java's tools have a single dash


def _lower(text: str) -> str:
    """``text`` in lower case, of the same length: offsets in the one are offsets in the other."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(char.lower() if char.isascii() else char for char in text)


def value_at(text: str, start: int) -> Iterator[Span]:
    """The value that begins at ``start``, in quotes or without, unless it says that there is none or stands for one."""
    yield from _value(text, start)


def _value(text: str, start: int, *, cookies: bool = False, form: re.Pattern[str] = _BARE) -> Iterator[Span]:
    match = _in_quotes(text, start)
    if match is None:
        match = _COOKIES.match(text, start) if cookies else form.match(text, start) or _BARE.match(text, start)
    if match is None:
        return
    value = match["value"]
    if _NOT_SECRET.fullmatch(value.lower().rstrip(".:!?")) or _MASKED.fullmatch(value) or PLACEHOLDER.fullmatch(value):
        return
    yield Span(*match.span("value"), Kind.SECRET)


def _in_quotes(text: str, start: int) -> re.Match[str] | None:
    if text[start : start + 1] not in _BEFORE_VALUES:
        return None
    prefix = _PREFIX.match(text, start)
    start = prefix.end() if prefix else start
    return _QUOTED.match(text, start) or _QUOTED_IN_QUOTES.match(text, start)


def _looks_random(value: str) -> bool:
    """Whether ``value`` is no word of a sentence: it has a digit or a symbol inside, or the entropy of a key."""
    inner = value.rstrip(".,:!?")
    if len(inner) < 4:
        return False
    return not inner.replace("-", "").isalpha() or (len(inner) >= 16 and _bits_per_char(inner) >= 3.5)


def _is_like_a_password(value: str) -> bool:
    return len(value) >= _BEHIND_LENGTH and "=" not in value and _mixes_letters_and_digits(value)


def _mixes_letters_and_digits(value: str) -> bool:
    """Whether ``value`` begins as one word of letters and digits; neither a count, nor a time, nor a path."""
    head = value[:_ENOUGH]
    return head[0] not in "/.<" and ":" not in head and any(map(str.isdigit, head)) and any(map(str.isalpha, head))


def _bits_per_char(value: str) -> float:
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
