"""IP addresses."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address
from string import ascii_letters, digits

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

# The scan starts at a dot or a colon, which are rarer in text than digits; what stands before is looked at on a hit.
_OCTET = r"\.(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_INNER_OCTETS = re.compile(rf"{_OCTET}{_OCTET}{_OCTET}(?![0-9]|[.-]?[A-Za-z_]|\.[0-9])")
_VERSION_WORDS = frozenset(("version", "release", "firmware", "build", "ver", "rev", "v"))
_NO_HOST = frozenset(("0", "127", "255"))
_COLONS = re.compile(r"::|:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:")
_V6_LEFT = re.compile(r"[0-9A-Fa-f:]{0,40}")
_V6_RIGHT = re.compile(r"[0-9A-Fa-f:]{0,40}(?:(?<=:)[0-9]{1,3}(?:\.[0-9]{1,3}){3})?")


def addresses(text: str) -> Iterator[Span]:
    """IPv4 and IPv6 addresses, without port or prefix length; neither loopback, unspecified nor netmask."""
    yield from _v4(text)
    if "::" in text or text.count(":") >= 7:
        yield from _v6(text)


def _v4(text: str) -> Iterator[Span]:
    for inner in _INNER_OCTETS.finditer(text):
        dot = inner.start()
        first = _leading_digits(text, dot)
        start = dot - len(first)
        if not first or not _is_octet(first):
            continue
        if first in _NO_HOST or inner[0] == ".0.0.0" or _glued(text, start) or _is_version(text, start):
            continue
        yield Span(start, inner.end(), Kind.IP)


def _leading_digits(text: str, end: int) -> str:
    before = text[max(0, end - 4) : end]
    return before[len(before.rstrip(digits)) :]


def _is_version(text: str, start: int) -> bool:
    if text[max(0, start - 2) : start] == "==":  # as requirements pin it
        return True
    before = text[max(0, start - 16) : start].rstrip(" \t:=\"'")
    return before[len(before.rstrip(ascii_letters)) :].lower() in _VERSION_WORDS


def _is_octet(digits: str) -> bool:
    return len(digits) <= 3 and int(digits) <= 255 and (len(digits) == 1 or digits[0] != "0")


def _glued(text: str, start: int) -> bool:
    """Whether what stands before makes it a part of something else: a longer number, a name, ``package-1.2.3.4``."""
    before = text[start - 1] if start else ""
    if before == "-":
        return start > 1 and (text[start - 2].isalpha() or text[start - 2] == "_")
    return before in (".", "_") or before.isalnum()


def _v6(text: str) -> Iterator[Span]:
    position = 0
    while colons := _COLONS.search(text, position):
        before = _V6_LEFT.match(text[max(position, colons.start() - 40) : colons.start()][::-1])
        start = colons.start() - (before.end() if before else 0)
        found = _V6_RIGHT.match(text, start)
        end = found.end() if found else colons.end()
        position = max(end, colons.end())
        candidate = text[start:end].rstrip(":") if not text[start:end].endswith("::") else text[start:end]
        end = start + len(candidate)
        if _is_v6(candidate) and not _is_word(text[start - 1 : start]) and not _is_word(text[end : end + 1]):
            yield Span(start, end, Kind.IP)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _is_v6(candidate: str) -> bool:
    # Without a digit it may as well be a qualified name (a::b), with few short groups a slice (1::2), and eight pairs
    # are a hardware address.
    groups = [group for group in candidate.split(":") if group]
    if len(groups) < 4 and max(map(len, groups), default=0) < 3:
        return False
    if not any(char.isdigit() for char in candidate) or re.fullmatch(
        r"(?:[0-9A-Fa-f]{2}:){7}[0-9A-Fa-f]{2}", candidate
    ):
        return False
    try:
        address = IPv6Address(candidate)
    except AddressValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)
