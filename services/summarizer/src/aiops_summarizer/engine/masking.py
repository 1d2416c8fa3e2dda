"""Masks the typed parts of a message: numbers, addresses, identifiers, paths, times, sizes, redaction placeholders.

Works on whitespace-separated tokens. What is masked never depends on which digits a token has, only on where, so
results are remembered by the token's shape (all digits as 0): a log has few shapes, however many values it has.
"""

import re
from typing import Final

WILD: Final = "<*>"
"""How a variable part is shown in a template."""

_MAX_CACHED: Final = 1 << 16
_MAX_MESSAGE: Final = 4096
_MAX_TOKEN: Final = 200
"""A token longer than this is data, not a word. The bound also keeps the regex's worst case short."""

_SHAPE: Final = {ord(digit): "0" for digit in "123456789"}
_SOURCE_FILES: Final = "c|cc|cpp|h|hpp|go|py|js|ts|rs|rb|java|scala|kt|php|cs|erl|ex|log|xml|conf|yml|yaml|json"

_TLD: Final = "com|net|org|edu|gov|mil|arpa|local|internal|localdomain"
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_HOST: Final = (
    rf"(?:(?:{_LABEL}\.)+(?:(?:com|net|org|edu|gov|ac|co)\.[a-z]{{2}}|{_TLD})"  # by its top-level domain
    rf"|(?=[a-z0-9._-]*\d)(?:[a-z0-9-]+\.){{2,}}(?!(?:{_SOURCE_FILES})\b)[a-z]{{2,}})"  # by its dots and digits
)
_CLOCK: Final = "<*:*>"
"""A time of day or a duration with seconds, until its surroundings tell which."""

_TYPED = re.compile(
    rf"""
      <[A-Z][A-Z_]*_\d+>                                             # a redaction placeholder
    | (?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>)\]}},;]+           # a URL keeps its scheme
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                                     # an e-mail address
    | (?<![\w.@$-]){_HOST}(?![\w-]|\.\w)                              # a host name
    | \b[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}\b       # a UUID
    | (?<![\w.])/?\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w-]|\.\w)                # IPv4
    | (?<![\w:])(?:[0-9a-fA-F]{{2}}[:-]){{5,}}[0-9a-fA-F]{{2}}(?![\w:])      # a hardware address
    | (?<![\w:])/?(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}(?!\w)       # IPv6
    | (?<![\w:])(?=[a-fA-F:]*\d)(?:(?:[0-9a-fA-F]{{1,4}}:){{1,6}}|:):    # IPv6 with zeros left out
      (?:[0-9a-fA-F]{{1,4}}:){{0,5}}[0-9a-fA-F]{{1,4}}(?![\w:])
    | (?<![\w.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?!(?:{_SOURCE_FILES})\b)[a-z]{{2,}}(?=:\d)   # host in host:port
    | (?<![\w./\\<>*~-])(?:~|\.{{1,2}})?/[^\s"'<>,;:()\[\]{{}}=|*]+          # an absolute path
    | (?<!\w)[A-Za-z]:\\[^\s"'<>|,;]+                                 # a Windows path
    | (?<!\w)0[xX][0-9a-fA-F]+
    | (?<!\w)(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{{8,}}(?!\w)                  # a hexadecimal number or digest
    | \d{{4}}-\d{{2}}-\d{{2}}T\d{{2}}:\d{{2}}:\d{{2}}(?:[.,]\d+)?(?:Z|[+-]\d{{2}}:?\d{{2}})?
    | (?<![\w:.])(?P<clock>\d{{1,3}}:\d{{2}}:\d{{2}}(?:[.,]\d+)?)(?![\w:])
    | (?<![\w:.])\d{{2}}:\d{{2}}(?![\w:])                               # a time of day or a duration
    | (?<![\w.])(?P<user>(?:user|username|user_name|login|account)=)[^\s"'<>,;()\[\]{{}}]+
    | (?<![\w/])\d{{1,4}}/\d{{1,2}}/\d{{1,4}}(?![\w/])                      # a date
    | (?<!\w)[A-Za-z_$][\w$]*?_-?\d[\w.-]*(?<![.-])                   # an identifier: name_12, part_-7
    | (?<![\w-])[A-Za-z]\w*(?:-\w+)*?-\d+(?:-\w+)*(?!\w)              # name-12, pool-1-thread-3
    | (?<!\w)[A-Za-z]+\d{{4,}}\w*                                      # job20240
    | (?<!\w)v\d+(?:\.\d+)+[\w.-]*                                   # a version
    | (?<!\w)(?:(?<![\w)\]])[-+])?\d(?:[\w.+-]*\w)?%?                 # a number, with a unit or a version's dots
    """,
    re.VERBOSE,
)

# What can only be seen across tokens; runs once per distinct masked message.
_DATE_WORDS = re.compile(
    r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?=<\*>)"
)
_USER = re.compile(r"\b(for user )[\w.$@-]+")
_DATED_CLOCK = re.compile(r"(?<=<\*> )<\*:\*>(?: <\*>)?|<\*:\*>(?= <\*>)")
_SIZE = re.compile(r"<\*> (?:[KMGT]i?B|[kB]B?)\b|<\*>(?= bytes? \(<\*>)")
_SIZE_AGAIN = re.compile(r"(<\*> bytes?) \(<\*>\)")
_LESS_THAN = re.compile(r"<<\*> ?(?:[mun]?s|sec|min)\w*")
_RUN = re.compile(r"<\*>(?: ?<\*>)+")


def _replacement(found: re.Match[str]) -> str:
    if found["clock"]:
        return _CLOCK
    return f"{found['scheme'] or found['user'] or ''}{WILD}"


class Masker:
    """Masks messages; bounded memory, whatever it has seen."""

    def __init__(self) -> None:
        self._shapes = _Shapes()
        self._words = _Words()

    def mask(self, message: str) -> str:
        """``message`` with its typed parts as ``<*>`` and its white space as single spaces.

        Only the first 4,096 characters take part: what follows makes no other pattern.
        """
        if len(message) > _MAX_MESSAGE:
            message = message[:_MAX_MESSAGE]
        shapes = self._shapes
        masked = [shapes[token] for token in message.translate(_SHAPE).split()]
        if None in masked:
            words = self._words
            tokens = zip(masked, message.split(), strict=True)
            return " ".join([words[token] if known is None else known for known, token in tokens])
        return " ".join(masked)  # type: ignore[arg-type]  # mypy does not narrow a list by ``in``


class _Shapes(dict[str, str | None]):
    """Token's shape → its mask, or None where digits stay in view and the token itself has to be looked at."""

    def __missing__(self, shape: str) -> str | None:
        if len(shape) > _MAX_TOKEN:
            return WILD
        if len(self) >= _MAX_CACHED:
            self.clear()
        masked = _TYPED.sub(_replacement, shape)
        self[shape] = known = None if "0" in masked else masked
        return known


class _Words(dict[str, str]):
    """Token → its mask."""

    def __missing__(self, token: str) -> str:
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[token] = masked = _TYPED.sub(_replacement, token)
        return masked


def normalise(masked: str) -> str:
    """Fold what belongs together across tokens: dates in words, sizes with their units, runs of wildcards."""
    masked = _USER.sub(rf"\1{WILD}", masked)
    if "<*" not in masked:
        return masked
    masked = _DATE_WORDS.sub(f"{WILD} ", masked)
    masked = _DATED_CLOCK.sub(f"{WILD}:{WILD}:{WILD}", masked).replace(_CLOCK, WILD)
    masked = _SIZE.sub(WILD, masked)
    masked = _SIZE_AGAIN.sub(r"\1", masked)
    masked = _LESS_THAN.sub(WILD, masked)
    return fold_runs(masked)


def fold_runs(template: str) -> str:
    """Show wildcards with nothing but a space between them as one."""
    return _RUN.sub(WILD, template)
