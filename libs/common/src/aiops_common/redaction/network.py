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
_ENDS_OF_VERSION_WORDS = frozenset("nedrvNEDRV")
_FIRST_OCTETS = frozenset(map(str, range(1, 255))) - {"127"}  # neither unspecified nor loopback nor netmask
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
        before = text[max(0, dot - 4) : dot]
        first = before[len(before.rstrip(digits)) :]
        start = dot - len(first)
        if first not in _FIRST_OCTETS or inner[0] == ".0.0.0" or _glued(text, start) or _is_version(text, start):
            continue
        yield Span(start, inner.end(), Kind.IP)


def _is_version(text: str, start: int) -> bool:
    before = text[max(0, start - 16) : start]
    if before.endswith("=="):  # as requirements pin it
        return True
    before = before.rstrip(" \t:=\"'")
    return before[-1:] in _ENDS_OF_VERSION_WORDS and (
        before[len(before.rstrip(ascii_letters)) :].lower() in _VERSION_WORDS
    )


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
