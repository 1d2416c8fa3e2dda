"""What a text states exactly, so that it can be looked for in the evidence that the text cites.

Exact are tokens with a digit (numbers, times, versions, references, names such as db-7), numbers, quantities and parts
of a whole in words, percentages, words that read as hashes, dotted names, addresses, links and markup. All else is
wording.
"""

import re
import unicodedata
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
_THOUSANDS: Final = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?!\d|,\d)")
_JOINT: Final = re.compile(r"[.,:/@+-]")
_PART_OF: Final = re.compile(r"\b(?:a|one) (third|fourth|fifth|sixth|seventh|eighth|ninth|tenth) of\b", re.IGNORECASE)
_UNITS: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS: Final = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS: Final = {word: number for number, word in enumerate(_UNITS + _TEENS, start=1)}
_NUMBERS.update({word: 10 * number for number, word in enumerate(_TENS, start=2)})
_NUMBERS.update({"twice": 2, "thrice": 3})
_QUANTITIES: Final = frozenset(
    (
        *("dozen", "dozens", "hundred", "hundreds", "thousand", "thousands", "million", "millions"),
        *("billion", "billions", "trillion", "trillions", "percent", "half", "halved", "halves", "halving"),
        *("thirds", "quarter", "quarters", "fifths", "sixths", "eighths", "tenths", "double", "doubled", "doubles"),
        *("doubling", "triple", "tripled", "triples", "tripling", "quadruple", "quadrupled"),
        *("twofold", "threefold", "fourfold", "fivefold", "tenfold", "hundredfold"),
    )
)
_FRACTIONS: Final = frozenset(("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"))
_BESIDE: Final = frozenset(
    ("a", "and", "or", "to", "by", "fold", "second", "minute", "hour", "day", "week", "month", "year")
)
"""What stands beside number words in one token, as in ten-minute; third-party and one-time are names."""
_PARTS: Final = _QUANTITIES | _FRACTIONS | _BESIDE | _NUMBERS.keys()


def claims(text: str) -> set[str]:
    """What ``text`` states exactly, written in one way: lower case, digits for number words, 1000 for 1,000."""
    found = {match.lower() for match in _PART_OF.findall(text)}
    if "%" in text:
        found.add("percent")
    for match in _TOKEN.finditer(text):
        token = match[0].lower()
        if match[0].startswith("<"):
            found.add(match[0])
        elif _has_number(token):
            found.add(_number(token))
        elif (spelled := _spelled(token)) is not None:
            found |= spelled
        elif _HASH.fullmatch(token) or (_DOTTED.fullmatch(token) and token not in _NOT_NAMES):
            found.add(token)
    return found


def _has_number(token: str) -> bool:
    """Whether a digit is in it, or a sign such as a half or a Roman numeral; not a word of an ideographic script."""
    if token.isascii():
        return any(char.isdigit() for char in token)
    return any(unicodedata.category(char).startswith("N") for char in token)


def _number(token: str) -> str:
    token = re.sub(r"(?<=\d)[x\u00d7]$", "", re.sub(r"^v(?=\d)", "", token))
    return _THOUSANDS.sub(lambda match: match[0].replace(",", ""), token)


def _spelled(token: str) -> set[str] | None:
    """The claims of a token of number words, {"23"} for twenty-three; None where it has other words in it."""
    parts = _JOINT.split(token)
    if len(parts) > 1 and not _PARTS.issuperset(parts):
        return None
    found = {part for part in parts if part in _QUANTITIES or (part in _FRACTIONS and len(parts) > 1)}
    before = 0
    for part in parts:
        number = _NUMBERS.get(part, 0)
        if before in range(20, 100, 10) and 0 < number < 10:
            found.discard(str(before))
            number += before
        if number > 1:  # "one" is a word like any other
            found.add(str(number))
        before = number
    return found or None


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
