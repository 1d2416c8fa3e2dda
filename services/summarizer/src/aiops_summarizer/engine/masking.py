"""Masks the typed parts of a message: numbers, addresses, identifiers, paths, times, sizes, redaction placeholders.

What a template says of a variable follows Khan et al., "Guidelines for assessing the accuracy of log message template
identification techniques" (ICSE 2022), section 5: numbers, truth values and paths are variable, a word that holds a
variable part is variable as a whole, and variable parts that only a dot separates are one.

Works on whitespace-separated tokens. What is masked never depends on which digits a token has, only on where, so
results are remembered by the token's shape (all digits as 0): a log has few shapes, however many values it has.
"""

import re
from typing import Final

WILD: Final = "<*>"
"""How a variable part is shown in a template."""

_MAX_CACHED: Final = 1 << 15
_MAX_MESSAGE: Final = 4096
_MAX_TEMPLATE: Final = 1024
_MAX_TOKEN: Final = 200
"""A token longer than this is data, not a word. The bound also keeps the regex's worst case short."""

_DIGITS: Final = bytes.maketrans(b"123456789", b"000000000")
_LOSSLESS: Final = "surrogatepass"
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
    | (?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^\s"'<>)\]}},;]*[^\s"'<>)\]}},;:.]   # a URL keeps its scheme
    | [\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{{2,}}(?![\w-])                     # an e-mail address
    | (?P<named>(?<![\w./-])[A-Za-z][\w.-]*/)\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w-]|\.\w)   # host/address
    | (?<![\w.@$-]){_HOST}(?![\w-]|\.\w)                              # a host name
    | (?<!\w)(?:[0-9a-fA-F]{{2,}}[:-]){{4,}}[0-9a-fA-F]{{2,}}(?![\w:])    # a UUID, a MAC address, a WWN
    | (?<![\w.])/?(?:::ffff:)?\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w-]|\.\w)    # IPv4
    | (?<![\w:])/?(?:[0-9a-fA-F]{{1,4}}:){{7}}[0-9a-fA-F]{{1,4}}(?!\w)       # IPv6
    | (?<![\w:])(?=[a-fA-F:]*\d)(?:(?:[0-9a-fA-F]{{1,4}}:){{1,6}}|:):    # IPv6 with zeros left out
      (?:[0-9a-fA-F]{{1,4}}:){{0,5}}[0-9a-fA-F]{{1,4}}(?![\w:])
    | (?<![\w.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?!(?:{_SOURCE_FILES})\b)[a-z]{{2,}}(?=:\d)   # host in host:port
    | (?<![\w./\\<>*~-])(?:~|\.{{1,2}})?/[^\s"'<>,;:()\[\]{{}}=|*]+          # an absolute path
    | (?<![\w./\\<>*~-])\w[\w.-]*(?:/[\w.-]+)*/[\w-]*\.(?:[\w.-]*\w)     # a relative path to a name with a dot
    | (?<![\w.-])(?:[Tt]rue|TRUE|[Ff]alse|FALSE|[Nn]ull|NULL)(?![\w-]|\.\w)   # a literal
    | (?<!\w)[A-Za-z]:\\[^\s"'<>|,;]+                                 # a Windows path
    | (?<!\w)(?=[0-9a-fA-F]*\d)(?:[0-9a-fA-F]{{8,}}|[0-9a-f]{{6,7}})(?!\w)   # a hexadecimal number or digest
    | (?<=[{{@])[0-9a-f]{{6,8}}(?![^\s}}\])])                             # an object's identity
    | \d{{4}}-\d{{2}}-\d{{2}}T\d{{2}}:\d{{2}}:\d{{2}}(?:[.,]\d+)?(?:Z|[+-]\d{{2}}:?\d{{2}})?
    | (?<![\w:.])(?P<clock>\d{{1,3}}:\d{{2}}:\d{{2}}(?:[.,]\d+)?)(?![\w:])
    | (?<![\w:.])\d{{2}}:\d{{2}}(?![\w:])                               # a time of day or a duration
    | (?<![\w.])(?P<user>(?:user|username|user_name|login|account)=)[^\s"'<>,;()\[\]{{}}]+
    | (?<![\w/])\d{{1,4}}/\d{{1,2}}/\d{{1,4}}(?![\w/])                      # a date
    | (?<!\w)[A-Za-z_$][\w$]*?_-?\d+(?![A-Za-z])[\w.-]*(?<![.-])      # an identifier: name_12, part_-7
    | (?<![\w-])[A-Za-z]\w*(?:-\w+)*?-(?:\d+|(?![a-zA-Z]+\d*(?!\w))[0-9a-zA-Z]{{5,}})(?:-\w+)*(?!\w)   # db-12, a-5f7d9
    | (?<!\w)v\d+(?:\.\d+)+[\w.-]*                                   # a version
    | (?<![\w\\])(?:(?<![\w)\]])[-+])?\d(?:(?:[\w.+]|-(?![a-z]{{3,}}\b))*\w)?   # a number, with a unit or dots
    """,
    re.VERBOSE,
)

# Most tokens are plain words; these tell so far quicker than the masks.
_PERHAPS_TYPED = re.compile(r"[\d/\\@:=.{*-]|rue|RUE|alse|ALSE|ull|ULL")
_PLAIN_PATH = re.compile(r"/[^\s\"'<>,;:()\[\]{}=|*\d]+")

# A word that holds a variable part is variable as a whole. These end a word; "/" does, too, but "<" does not begin one.
_IN_WORD: Final = r"[^\s/,!;:=|\"'()\[\]{}.+@#$%&-]"
_WORD = re.compile(rf"(?:[\w\\]{_IN_WORD}*?)?<\*>{_IN_WORD}*")
_IDENTIFIER = re.compile(
    rb"([A-Za-z_]+=)?(?=[a-f-]*0)(?:[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})([,;)\]]*)"
)
"""A shape that is not worth remembering, as it seldom comes again; what stands before and behind it is."""
_JOINED = re.compile(r"<\*>(?:\.?<\*>)+")

# What can only be seen across tokens; runs once per distinct masked message.
_MONTHS: Final = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_MONTH = re.compile(rf"{_MONTHS} <\*>")
_DATE_WORDS = re.compile(rf"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?{_MONTHS} (?=<\*>)")
# The accounts that every system has are told from words by where they stand.
_USER = re.compile(
    r"\b(for user )[\w.$@-]+|((?:[=(]|\b(?:for|user|by) )['\"]?)(?:root|admin|administrator)(?=[\s,;)'\"]|$)"
)
_DATED_CLOCK = re.compile(r"(?<=<\*> )<\*:\*>(?: <\*>)?|<\*:\*>(?= <\*>)")
_SIZE_AGAIN = re.compile(r"(<\*> bytes?) \(<\*> ?(?:[KMGTkmgt]i?)?B\)")
_LESS_THAN = re.compile(r"<<\*> ?(?:[mun]?s|sec|min)\w*")
_RUN = re.compile(r"<\*>(?: ?<\*>)+")


def _replacement(found: re.Match[str]) -> str:
    if found["clock"]:
        return _CLOCK
    if found["named"]:
        return f"{WILD}/{WILD}"
    return f"{found['scheme'] or found['user'] or ''}{WILD}"


def _mask_token(token: str) -> str:
    if not _PERHAPS_TYPED.search(token):
        return token
    if _PLAIN_PATH.fullmatch(token):
        return WILD
    masked = _TYPED.sub(_replacement, token)
    if WILD in masked and masked != WILD:
        masked = _JOINED.sub(WILD, _WORD.sub(WILD, masked))
    return masked


class Masker:
    """Masks messages; bounded memory, whatever it has seen."""

    def __init__(self) -> None:
        self._shapes = _Shapes()
        self._words = _Words()

    def mask(self, message: str) -> str:
        """``message`` with its typed parts as ``<*>`` and its white space as single spaces.

        Only the first 4,096 characters take part: what follows makes no other pattern.
        """
        return self.mask_shape(shape_of(message), message)[0]

    def mask_shape(self, shape: bytes, message: str) -> tuple[str, bool]:
        """The same for a message whose shape is known, and whether all messages of this shape are masked like this."""
        shapes = self._shapes
        masked = [shapes[token] for token in shape.split()]
        if None in masked:
            words = self._words
            tokens = zip(masked, _beginning(message).encode("utf-8", _LOSSLESS).split(), strict=True)
            return " ".join([words[token] if known is None else known for known, token in tokens]), False
        return " ".join(masked), True  # type: ignore[arg-type]  # mypy does not narrow a list by ``in``


def shape_of(message: str) -> bytes:
    """The first 4,096 characters of ``message`` with all digits as 0; as bytes, which are translated far quicker."""
    return _beginning(message).encode("utf-8", _LOSSLESS).translate(_DIGITS)


def _beginning(message: str) -> str:
    if len(message) <= _MAX_MESSAGE:
        return message
    # A token that was cut would have a mask of its own for every length.
    return message[:_MAX_MESSAGE].rpartition(" ")[0] or message[:_MAX_MESSAGE]


class _Shapes(dict[bytes, str | None]):
    """Token's shape → its mask, or None where digits stay in view and the token itself has to be looked at."""

    def __missing__(self, shape: bytes) -> str | None:
        if len(shape) > _MAX_TOKEN:
            return WILD
        if b"0" in shape and (found := _IDENTIFIER.fullmatch(shape)):
            key, end = found.groups()
            return f"{self[key] if key else ''}{WILD}{end.decode()}"
        masked = _mask_token(shape.decode("utf-8", _LOSSLESS))
        known = None if "0" in masked else masked
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[shape] = known
        return known


class _Words(dict[bytes, str]):
    """Token → its mask."""

    def __missing__(self, token: bytes) -> str:
        if len(self) >= _MAX_CACHED:
            self.clear()
        self[token] = masked = _mask_token(token.decode("utf-8", _LOSSLESS))
        return masked


def normalise(masked: str) -> str:
    """Fold what belongs together across tokens: dates in words, sizes said twice, runs of wildcards.

    At most 1,024 characters.
    """
    # Nearly every line of a log of high variety comes here: looking for a literal first costs next to nothing.
    if "user " in masked or "root" in masked or "admin" in masked:
        masked = _USER.sub(_user, masked)
    if "<*" not in masked:
        return masked[:_MAX_TEMPLATE]
    if _MONTH.search(masked):
        masked = _DATE_WORDS.sub(f"{WILD} ", masked)
    if _CLOCK in masked:
        masked = _DATED_CLOCK.sub(f"{WILD}:{WILD}:{WILD}", masked).replace(_CLOCK, WILD)
    if "byte" in masked:
        masked = _SIZE_AGAIN.sub(r"\1", masked)
    if "<<*>" in masked:
        masked = _LESS_THAN.sub(WILD, masked)
    return fold_runs(masked)[:_MAX_TEMPLATE]


def _user(found: re.Match[str]) -> str:
    return f"{found[1] or found[2]}{WILD}"


def fold_runs(template: str) -> str:
    """Show wildcards with nothing but a space between them as one."""
    return _RUN.sub(WILD, template) if "<*> <*>" in template or "<*><*>" in template else template
