"""The names of what is secret: words that the name of a password, token, key or cookie ends in."""

import re
from collections.abc import Iterator

# What a name that holds a secret ENDS in (so max_tokens, token_type and password_policy hold none): a literal, which
# the scan runs on, up to the slash, and a pattern for the rest of the word.
_WORDS = (
    *("pass/(?:wor[dt]|wd|phrase|code)?", "pwd", "pw", "psk", "secret/(?:string)?", "token", "credential/s?"),
    *("auth/(?:orization)?", "cookie", "key/(?:_base|-data)?", "sig/(?:nature)?"),
    *("mot de passe", "contrase/[ñn]a", "kennwort", "wachtwoord", "senha", "пароль", "密码", "パスワード"),
    *("비밀번호", "hasło"),
)
# Where it ends, one of these follows: a longer word (authentication, passwords) is passed over by the scan itself.
_ENDS = r"(?=[0-9\\\"'`*\])\[=:：＝ \t\xa0>,%&\x1b]|->)"
_NAMES = tuple((word.partition("/")[0], re.compile(word.replace("/", "") + _ENDS)) for word in _WORDS)
_AT_END = re.compile(f"(?:{'|'.join(word.replace('/', '') for word in _WORDS)})\\Z")
_LONGEST = 20
WEAK = {
    name: int(least)
    for name, _, least in (
        one.partition("/") for one in ("pass/8", "pw/8", "psk/8", "auth/12", "sig/20", "signature/20")
    )
}
"""Words that mean other things as well, and the least length of what must look like a key behind them."""
OF_METHODS = re.compile("auth(?:orization)?")
"""Words behind which the method may stand, with what belongs to it."""
PASSWORD = re.compile("pass(?:wor[dt]|wd|phrase|code)|kennwort|pwd")
"""Words that mean nothing else: people write the password behind them without a sign, and any sign may be in it."""
# "tests pass: …" says what passed. Not "redis pass: …", which names a password.
_PASSING = re.compile(
    r"(?:\b(?:tests?|checks?|jobs?|steps?|stages?|specs?|suites?|cases?|builds?|runs?|assertions?|pipelines?|all|both"
    r"|they|must|should|to|will|can|could|did|not|first|second)|[0-9])[ \t]{1,4}\Z"
)
_PASSING_LENGTH = 20
_KEY_OF = re.compile(
    r"(?:api|access|account|app|auth|client|private|secret|master|encryption|signing|shared|storage|license)[_ .-]?\Z"
)
"""What stands before ``key`` where it opens something."""
_KEY_OF_LENGTH = 12


def secret_names(text: str, lowered: str) -> Iterator[Iterator[re.Match[str]]]:
    """For each word its places in ``text``, which is ``lowered`` in lower case, where it names a secret."""
    for literal, name in _NAMES:
        if literal in lowered:
            yield (match for match in name.finditer(lowered) if _is_secret(text, lowered, match))


def name_at_end(text: str) -> str | None:
    """The word that ``text`` ends in, if it is a secret's name."""
    end = text[-_LONGEST - _PASSING_LENGTH :]
    lowered = end.lower()
    match = _AT_END.search(lowered) if len(lowered) == len(end) else None
    return match[0] if match and _is_secret(end, lowered, match) else None


def _is_secret(text: str, lowered: str, name: re.Match[str]) -> bool:
    start = name.start()
    if name[0].startswith("key"):
        return _KEY_OF.search(lowered, max(0, start - _KEY_OF_LENGTH), start) is not None
    if name[0] in WEAK and not _is_word(text, *name.span()):
        return False
    return name[0] != "pass" or not _PASSING.search(lowered, max(0, start - _PASSING_LENGTH), start)


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether it is a word of a name, as in ``db_pass`` and ``dbPass``, and no part of one, as in ``compass``."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    begins = not before.isalpha() or (text[start].isupper() and before.islower())
    return begins and not after.isalpha()
