"""References to issues, pull requests, tickets and advisories in a commit message."""

import re
import string

_NUMBER = re.compile(r"#[0-9]+\b")
_NAME = f"{string.ascii_letters}{string.digits}_.-"
_LONGEST_NAME = 121
_KEY = re.compile(r"(?<![\w/-])(?:CVE-[0-9]{4}-[0-9]{4,}|([A-Z][A-Z0-9]{1,9})-[0-9]{1,7})(?![\w-])")
# Keys begin far from most dashes: this finds the few that are worth a look, several times as fast.
_MAYBE_KEY = re.compile(r"-[0-9]")
_MERGE_REQUEST = re.compile(r"^See merge request (\S+![0-9]+)", re.MULTILINE)
# Names of standards and algorithms that look like ticket keys.
_STANDARD_NAMES = (
    "AES ARM ASCII BASE COVID CP CRC CVE CWE DES EC ECMA ES FIPS GB HMAC HTTP IEC IEEE IPV ISO JDK KOI LATIN MD MPEG "
    "PEP PKCS POSIX RC RFC RS RSA SHA SHA2 SHA3 SSE TLS UCS UTF WIN WINDOWS X"
)
_STANDARDS = frozenset(_STANDARD_NAMES.split())
_REQUESTS = re.compile(r"(?:\s*\((?:backport |cherry-pick |bp )?(?:#|gh-)[0-9]+\))+$", re.IGNORECASE)


def split_request(subject: str) -> tuple[str, str | None]:
    """The subject without the number that GitHub puts behind it, and the number; None where it has none."""
    start = subject.rfind("(#")
    number = subject[start + 2 : -1]
    if start > 0 and number.isdecimal() and number.isascii() and subject[-1] == ")":
        return subject[:start].rstrip(), number
    return subject, None


def without_requests(subject: str) -> str:
    """The subject without any numbers behind it: ``(#12)``, ``(backport #12)``, ``(#12) (#15)``."""
    tail = max(0, len(subject) - _LONGEST_NAME)
    if subject.find("(", tail) <= 0 or not ("#" in subject or "gh-" in subject.lower()):
        return subject
    match = _REQUESTS.search(subject, tail)
    return subject[: match.start()] if match and match.start() else subject


def find(text: str) -> tuple[str, ...]:
    """References in order of appearance, each once: ``#12``, ``owner/name#12``, ``GH-12``, ``OPS-7``, ``CVE-…``."""
    found: dict[str, int] = {}  # a body may repeat one a million times
    if "#" in text:
        for match in _NUMBER.finditer(text):
            start = match.start()
            reference = match[0] if not start or text[start - 1] in " (" else _with_repository(text, match)
            if reference:
                found.setdefault(reference, start)
    if _has_key(text):
        for match in _KEY.finditer(text):
            if match[1] not in _STANDARDS:
                found.setdefault(match[0], match.start())
    if "See merge request " in text:
        for match in _MERGE_REQUEST.finditer(text):
            found.setdefault(match[1], match.start())
    return tuple(found) if len(found) < 2 else tuple(sorted(found, key=found.__getitem__))


def _has_key(text: str) -> bool:
    maybe = _MAYBE_KEY.search(text, 1)
    while maybe:
        before = text[maybe.start() - 1]
        if before.isupper() or before.isdigit():
            return True
        maybe = _MAYBE_KEY.search(text, maybe.end())
    return False


def _with_repository(text: str, match: re.Match[str]) -> str | None:
    start = match.start()
    before = text[start - 1]
    if before in "&#/":  # an HTML entity, a doubled sign, the fragment of a URL
        return None
    if not (before.isalnum() or before in "_-."):
        return match[0]
    window = text[max(0, start - _LONGEST_NAME) : start]
    owner = window.rstrip(_NAME)
    if not owner.endswith("/"):
        return None
    outside = owner[:-1].rstrip(_NAME)
    return window[len(outside) :] + match[0] if len(outside) < len(owner) - 1 else None
