"""Payment cards, social security numbers and telephone numbers: digits with separators."""

import re
from collections.abc import Iterator

import phonenumbers

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

# Runs of digits and separators with at least seven digits to be. What is glued to a word, a dot or a dash is an id;
# dates with the year first and four octets are so common in logs that they are passed over here.
_CANDIDATE = re.compile(
    r"[+(0-9](?<![\w.\-][+(0-9])"
    r"(?!(?:(?<=1)9|(?<=2)0)[0-9]{2}([-./])[01]?[0-9]\1[0-3]?[0-9](?![0-9]))"
    r"(?![0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![.0-9]))"
    r"[0-9 ()+.\-/\xa0]{6,39}(?<=[0-9])(?![0-9]|[A-Za-wyz_])"
)
_CARD = re.compile(
    r"(?<![0-9])(?:[0-9]{12,19}"
    r"|[0-9]{4}([ .-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{3})?"
    r"|[0-9]{4}([ .-])[0-9]{6}\2[0-9]{4,5})(?![0-9])"
)
_CARD_CONTEXT = re.compile(
    r"\b(?:card|visa|mastercard|maestro|amex|jcb|discover|diners|unionpay|rupay|pan|payment|charge)s?\b"
)
_SSN = re.compile(r"(?<![0-9])(?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![0-9])")
_SSN_CONTEXT = re.compile(r"\b(?:ssn|social|security|taxpayer|tin)\b")
_DATE = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-./ ])[01]?[0-9]\1[0-3]?[0-9]"
    r"|[0-9]{2,4}-[01][0-9]-[0-3][0-9]"
    r"|[0-3]?[0-9]([-./])[0-3]?[0-9]\2(?:19|20)[0-9]{2}|[0-9]{2}/[0-9]{2}/[0-9]{2})(?![0-9])"
)

_EXTENSION = re.compile(r" ?(?:x|ext\.?) ?[0-9]{1,6}\b")
_KIND_OF_PHONE = re.compile(r"[ \-]\(?(?:office|fax|mobile|cell|home|work)\b", re.IGNORECASE)
_PHONE_CONTEXT = re.compile(
    r"\b(?:(?:tele|cell|smart|mobile)?phone|tel|mobile|cell|fax|whatsapp|sms|dial|hotline|desk:"
    r"|(?:call(?:ed|ing)?|reach) (?:me|him|her|us|them|back))s?\b"
)
_WEAK_PHONE_CONTEXT = re.compile(r"\b(?:call|number|contact|reach|ring|text me|landline)\b")
# A search for these words alone costs a quarter of the one that asks where they begin.
_ANY_PHONE_CONTEXT = re.compile(
    "phone|tel|mobile|cell|fax|whatsapp|sms|dial|hotline|desk:|call|reach|number|contact|ring|text me|landline"
)
_CONTEXT_LENGTH = 40
_SEPARATORS = "+() .-/\xa0".encode("latin-1")
_NORTH_AMERICA = (
    re.compile(r"(?:\+?1[ .-])?\(?[2-9][0-9]{2}\)?(?:[.-]|(?<=\)) ?)[0-9]{3}[ .-][0-9]{4}"),
    re.compile(r"(?:\+?1 )?[2-9][0-9]{2} [2-9][0-9]{2}[ -][0-9]{4}"),
)
_AREA_IN_PARENTHESES = re.compile(r"(?:\+?[0-9]{1,3}[ .-]?)?\(0?[0-9]{1,4}\)[ .-]?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){1,3}")
_HEX_BEFORE = re.compile(r"(?:[0-9a-f]{2} ){2}\Z")
_HEX_AFTER = re.compile(r"(?: [0-9a-f]{2}){2}\b")
_PAIRS = re.compile(r"0[1-9](?:([ .-])[0-9]{2})(?:\1[0-9]{2}){3}")
_TRUNK_ZERO = re.compile(r"0[0-9]{1,4}[ /-](?=(?:[ -]?[0-9]){6,9}(?![ -]?[0-9]))[0-9]{2,8}(?:[ -][0-9]{2,4}){0,3}")
_GROUPS_ALONE = re.compile(r"[2-9][0-9]{1,2}(?=(?: ?[0-9]){6,8}\Z)(?: [0-9]{2,4}){2,4}")
_SHAPES = {
    "+": (*_NORTH_AMERICA, _AREA_IN_PARENTHESES),
    "(": (*_NORTH_AMERICA, _AREA_IN_PARENTHESES),
    "0": (_PAIRS, _TRUNK_ZERO),
    "1": (*_NORTH_AMERICA, _AREA_IN_PARENTHESES),
}
_OTHER_SHAPES = (*_NORTH_AMERICA, _AREA_IN_PARENTHESES, _GROUPS_ALONE)


def numbers(text: str) -> Iterator[Span]:
    """Cards (ISO/IEC 7812 prefix, length and Luhn digit), US social security numbers, telephone numbers."""
    # Logs have thousands of candidates in a megabyte, most of them counts and times: what costs least is asked first.
    for match in _CANDIDATE.finditer(text):
        candidate = match[0]
        digits = _digits(candidate)
        if digits < 7 or digits > 34:
            continue
        start = match.start()
        found: list[Span] = []
        if digits >= 12 and _CARD.search(candidate):
            found = list(_cards(candidate, text, start))
        if digits >= 9 and not found and _SSN.search(candidate):
            found = list(_social_security(candidate, text, start))
        if found:
            yield from (Span(start + first, start + last, kind) for first, last, kind in found)
        elif digits <= 15:
            yield from _phone(candidate, digits, text, start)


def _cards(candidate: str, text: str, start: int) -> Iterator[Span]:
    if text[start - 1 : start] == "/":  # an id in a path
        return
    for match in _CARD.finditer(candidate):
        for end in dict.fromkeys((match.end(), min(match.end(), match.start() + 19))):
            digits = _without_separators(candidate[match.start() : end])
            if _luhn(digits) and (_is_card(digits) or _is_said(text, start)):
                yield Span(match.start(), end, Kind.CARD)
                break


def _is_said(text: str, start: int) -> bool:
    """Whether the words before say that it is a card's: networks get new ranges, and cards of shops have others."""
    return bool(_CARD_CONTEXT.search(_before(text, start)))


def _is_card(digits: str) -> bool:
    return _issued(digits) and len(set(digits)) > 1


_ISSUERS = (  # lowest and highest first four digits, lengths: ISO/IEC 7812-1 ranges as the networks publish them
    (4000, 4999, (13, 16, 19)),
    (5100, 5599, (16,)),
    (2221, 2720, (16,)),
    (2200, 2204, (16, 17, 18, 19)),
    (9792, 9792, (16,)),
    (3400, 3499, (15,)),
    (3700, 3799, (15,)),
    (3000, 3059, (14, 16)),
    (3095, 3099, (14, 16)),
    (3600, 3699, (14, 16)),
    (3800, 3999, (14, 16)),
    (3528, 3589, (16, 17, 18, 19)),
    (6011, 6011, (16, 17, 18, 19)),
    (6440, 6599, (16, 17, 18, 19)),
    (6200, 6299, (16, 17, 18, 19)),
    (1800, 1800, (15,)),
    (2131, 2131, (15,)),
    (5000, 5099, (13, 15, 16, 18, 19)),
    (5600, 5899, (13, 15, 16, 18, 19)),
    (6000, 6099, (13, 15, 16, 18, 19)),
    (6300, 6399, (13, 15, 16, 18, 19)),
    (6700, 6799, (13, 15, 16, 18, 19)),
    (5018, 5018, (12,)),
    (5020, 5020, (12,)),
    (5038, 5038, (12,)),
    (5600, 5899, (12,)),
    (6304, 6304, (12,)),
    (6390, 6390, (12,)),
    (6759, 6763, (12,)),
)


_DOUBLED = str.maketrans("0123456789", "0246813579")
_LENGTHS: dict[int, set[int]] = {}
for _low, _high, _allowed in _ISSUERS:
    for _prefix in range(_low, _high + 1):
        _LENGTHS.setdefault(_prefix, set()).update(_allowed)


def _issued(digits: str) -> bool:
    """Whether prefix and length belong to a card network."""
    return len(digits) in _LENGTHS.get(int(digits[:4]), ())


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: every second digit from the right doubled, digits summed, a multiple of ten."""
    odd, even = digits[-1::-2], digits[-2::-2].translate(_DOUBLED)
    return (sum(odd.encode()) + sum(even.encode()) - ord("0") * len(digits)) % 10 == 0


def _social_security(candidate: str, text: str, start: int) -> Iterator[Span]:
    for match in _SSN.finditer(candidate):
        if match[1] == "-" or _SSN_CONTEXT.search(_before(text, start)):
            yield Span(match.start(), match.end(), Kind.SSN)


def _before(text: str, start: int) -> str:
    """What introduces a number: the end of its line up to it, in lower case, with the separators of keys as blanks."""
    return text[max(0, start - _CONTEXT_LENGTH) : start].rpartition("\n")[2].replace("_", " ").lower()


def _phone(candidate: str, digits: int, text: str, start: int) -> Iterator[Span]:
    whole, first = candidate, start
    if candidate[0] == "(" and candidate.count("(") > candidate.count(")"):
        candidate, start = candidate[1:], start + 1
    length = _phone_length(candidate, digits, text, start)
    if length and not _DATE.search(whole) and not _is_data(whole, text, first):
        end = start + length
        extension = _EXTENSION.match(text, end)
        yield Span(start, extension.end() if extension else end, Kind.PHONE)


def _is_data(candidate: str, text: str, start: int) -> bool:
    """Whether it stands among other numbers: in an array, after a time, between the pairs of a hex dump."""
    before = text[max(0, start - 6) : start]
    if before.endswith("[") or (before.endswith(":") and before[-2:-1].isdigit()):
        return True
    pairs = candidate[2:3] == " " and all(len(group) == 2 for group in candidate.split(" "))
    after = text[start + len(candidate) : start + len(candidate) + 6]
    return pairs and bool(_HEX_BEFORE.search(before) or _HEX_AFTER.match(after))


def _phone_length(candidate: str, digits: int, text: str, start: int) -> int:
    """How much of ``candidate`` is a telephone number, 0 if none."""
    if candidate.startswith(("+", "(+", "00")) and (international := _international(candidate)):
        return international
    # No shape is without separators.
    for shape in _SHAPES.get(candidate[0], _OTHER_SHAPES) if digits < len(candidate) else ():
        match = shape.match(candidate)
        if match and not candidate[match.end() : match.end() + 1].isdigit() and 8 <= _digits(match[0]) <= 13:
            return match.end()
    if _KIND_OF_PHONE.match(text, start + len(candidate)):
        return len(candidate)
    return len(candidate) if _introduced(candidate, digits, _before(text, start)) else 0


def _introduced(candidate: str, digits: int, before: str) -> bool:
    """Whether the words before say that a telephone number follows; vague words need a grouped number."""
    if not _ANY_PHONE_CONTEXT.search(before):
        return False
    if _PHONE_CONTEXT.search(before):
        return True
    return 8 <= digits < len(candidate) and bool(_WEAK_PHONE_CONTEXT.search(before))


def _digits(candidate: str) -> int:
    return len(candidate.encode("latin-1").translate(None, _SEPARATORS))


def _without_separators(candidate: str) -> str:
    return candidate.encode("latin-1").translate(None, _SEPARATORS).decode("latin-1")


def _international(candidate: str) -> int:
    """Length of the longest leading part that some country's numbering plan allows (phonenumbers, from ITU E.164)."""
    end = len(candidate)
    while end > 7:
        number = candidate[:end]
        number = number.replace("(0)", "")
        if number.startswith("000"):
            return 0
        if number.startswith("00"):
            number = "+" + number[2:]
        try:
            if phonenumbers.is_possible_number(phonenumbers.parse(number, None)):
                return end
        except phonenumbers.NumberParseException:
            return 0
        end = max(candidate.rfind(separator, 0, end) for separator in " .-/\xa0")
    return 0
