"""What a text states exactly, so that it can be looked for in the evidence that the text cites.

Exact are tokens with a digit (numbers, times, versions, references, names such as db-7), numbers and quantities in
words, words that read as hashes, dotted names, addresses, links and markup. All else is wording.
"""

import re
from collections.abc import Iterable
from typing import Final

_TOKEN: Final = re.compile(r"<[A-Z]+_\d+>|[#!]?\w+(?:[.,:/@+-]\w+)*")
_HASH: Final = re.compile(r"[0-9a-f]{7,64}")
_DOTTED: Final = re.compile(r"[a-z_][\w-]*(?:\.[a-z_][\w-]+)+")
_NOT_NAMES: Final = frozenset(("e.g", "i.e", "a.m", "p.m"))
_ADDRESS: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.|mailto:)[^\s\"'<>\[\]]+", re.IGNORECASE)
_MARKUP: Final = re.compile(r"\]\s*\(|</?[A-Za-z][A-Za-z0-9-]*[\s/>]|```")
_AROUND: Final = ".,;:!?)\u201d\"'"
_CLOCK: Final = re.compile(r"\b(\d{1,2}:\d{2}):\d{2}\b")
_WORDS: Final = {"two": "2", "twice": "2", "three": "3", "thrice": "3", "four": "4", "five": "5", "six": "6"}
_WORDS.update({"seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12"})
_QUANTITIES: Final = frozenset(
    (
        *("dozen", "dozens", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "hundred"),
        *("hundreds", "thousand", "thousands", "million", "millions", "double", "doubled", "doubles", "triple"),
        *("tripled", "half", "halved", "tenfold"),
    )
)


def claims(text: str) -> set[str]:
    """What ``text`` states exactly, written in one way: lower case, digits for number words, 1000 for 1,000."""
    found = set()
    for match in _TOKEN.finditer(text):
        token = match[0].lower()
        if match[0].startswith("<"):
            found.add(match[0])
        elif token in _WORDS:
            found.add(_WORDS[token])
        elif any(char.isdigit() for char in token):
            found.add(_number(token))
        elif token in _QUANTITIES or _HASH.fullmatch(token) or (_DOTTED.fullmatch(token) and token not in _NOT_NAMES):
            found.add(token)
    return found


def _number(token: str) -> str:
    token = re.sub(r"^v(?=\d)", "", token)
    return re.sub(r"(?<=\d),(?=\d)", "", re.sub(r"(?<=\d)[x\u00d7]$", "", token))


def uncited(text: str, evidence: str, *, hashes: Iterable[str] = ()) -> str | None:
    """What ``text`` states and ``evidence`` does not, in words for the user; None where there is nothing.

    Each of ``hashes`` may be shortened, and seconds of a time left out.
    """
    for address in _ADDRESS.findall(text):
        if address.rstrip(_AROUND) not in evidence:
            return "has an address"
    for markup in _MARKUP.findall(text):
        if markup not in evidence:
            return "has a link or markup"
    stated = claims(evidence) | set(_CLOCK.findall(evidence))
    known = [value.lower() for value in hashes]
    for claim in sorted(claims(text) - stated):
        if not (_HASH.fullmatch(claim) and any(value.startswith(claim) for value in known)):
            return f"says {claim[:40]!r}"
    return None


def is_plain(text: str) -> bool:
    """Whether ``text`` says anything, on one line and without control characters."""
    return bool(text.strip()) and text.isprintable()
