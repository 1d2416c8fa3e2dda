"""E-mail addresses and bank accounts."""

import re
from collections.abc import Iterator

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

# RFC 5321 4.5.3.1: at most 64 octets before the @, labels of at most 63 after it. The local part is read backwards from
# the @; a dot or an apostrophe belongs to it only between two other characters.
_LOCAL_LENGTH = 64
_LOCAL_REVERSED = re.compile(r"[\w%+&*~-](?:[\w%+&*~-]|[.'](?=\w)){0,63}")
_DOMAIN = re.compile(r"(?:[^\W_][\w-]{0,62}\.){1,8}([^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})(?![\w-])")
_ENCODED = re.compile(r"[A-Za-z0-9_+.-]{1,64}+%40(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])")  # in a URL
# Names that are written like an address and are none: units of an init system, images for dense screens.
_NOT_A_DOMAIN = frozenset(
    ("service", "socket", "target", "timer", "mount", "slice", "scope", "device", "png", "jpg", "jpeg", "gif", "svg")
)


def emails(text: str) -> Iterator[Span]:
    """Addresses ``local@domain.tld``; not ``git@host``, the login in a repository's URL."""
    at = text.find("@")
    while at != -1:
        domain = _DOMAIN.match(text, at + 1)
        if domain and domain[1].lower() not in _NOT_A_DOMAIN:
            local = _LOCAL_REVERSED.match(text[max(0, at - _LOCAL_LENGTH) : at][::-1])
            if local and local[0] != "tig":
                yield Span(at - local.end(), domain.end(), Kind.EMAIL)
        at = text.find("@", at + 1)
    if "%40" in text:
        for encoded in _ENCODED.finditer(text):
            yield Span(*encoded.span(), Kind.EMAIL)


IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
"""Length of an IBAN by country. Source: SWIFT IBAN Registry (ISO 13616), release 99."""

_IBAN_START = re.compile(r"[A-Z](?<![A-Za-z0-9][A-Z])[A-Z][0-9]{2}[ -]?[A-Z0-9]")


def ibans(text: str) -> Iterator[Span]:
    """IBANs, in one piece or in groups of four, of the registered length and with the right check digits."""
    position = 0
    while start := _IBAN_START.search(text, position):
        position = start.end()
        length = IBAN_LENGTHS.get(start[0][:2])
        end = _end_of(text, start.start(), length) if length else None
        if end and _has_check_digits(text[start.start() : end]):
            yield Span(start.start(), end, Kind.IBAN)
            position = end


def _end_of(text: str, start: int, length: int) -> int | None:
    """Where the ``length``-th letter or digit from ``start`` ends, if groups of four lead there and a word ends."""
    for separator in ("", " ", "-"):
        end = start + length + (length - 1) // 4 * len(separator)
        if separator and text[start + 4 : start + 5] != separator:
            continue
        body = text[start:end].replace(separator, "") if separator else text[start:end]
        whole = len(body) == length and body.isascii() and body.isalnum() and body == body.upper()
        if whole and not text[end : end + 1].isalnum():
            return end
    return None


def _has_check_digits(iban: str) -> bool:
    """ISO 7064 MOD 97-10: country and check digits moved to the end, letters as numbers from 10, remainder 1."""
    compact = iban.replace(" ", "").replace("-", "")
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1
