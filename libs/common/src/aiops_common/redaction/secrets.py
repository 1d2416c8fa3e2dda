"""Secrets that are recognised by their own form: private keys, tokens, logins in URLs."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

# RFC 7468 has five dashes, RFC 4716 four and a blank.
_PEM_BEGIN = re.compile(r"----(?:-| )BEGIN [A-Z0-9 ]{1,40}(?:-| )----")
_PEM_END = re.compile(r"----(?:-| )END [A-Z0-9 ]{1,40}(?:-| )----")
_PEM_REST = re.compile(r"[A-Za-z0-9+/=\s\\]*")
# A line of a block that somebody quoted, logged or diffed: something before it, a line end and quotes behind it.
_PEM_LINE = re.compile(
    r"(?:[^\n]{0,120}[^A-Za-z0-9+/\n])?[A-Za-z0-9+/]{40,76}={0,2}[\\rnt\"'+, ]{0,10}\r?$"
    r"|[^\n]{0,120}\b(?:Proc-Type|DEK-Info|Version|Comment): [^\n]{0,80}$|[ \t>|+]{0,20}\r?$"
)
_PEM_LINE_LENGTH = 240
# The last line of a block may be short. It is known by what stands before it, which is like that of the line before.
_PEM_LAST = re.compile(
    r"(?P<before>(?:[^\n]{0,120}?[^A-Za-z0-9+/\n])?)(?P<body>[A-Za-z0-9+/]{1,76}={0,2})[\\rnt\"'+, ]{0,10}\r?\Z"
)
_COUNTS = re.compile(r"[0-9]+")
# A whole PEM file in base64, as Kubernetes' secrets and many a variable have it: this is "-----BEGIN".
_PEM_IN_BASE64 = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{40,}={0,2}")
_PUTTY = re.compile(
    r"Private-Lines: [0-9]{1,4}\s{1,4}(?:[A-Za-z0-9+/=]{1,80}\s{1,4}){1,400}Private-MAC: [0-9a-f]{40,64}"
)


def private_keys(text: str) -> Iterator[Span]:
    """PEM blocks as they are and in base64, and what is private in a key file of PuTTY."""
    yield from pem_blocks(text)
    if "LS0tLS1CRUdJTi" in text:
        yield from (Span(*match.span(), Kind.PEM) for match in _PEM_IN_BASE64.finditer(text))
    if "Private-Lines: " in text:
        yield from (Span(*match.span(), Kind.PEM) for match in _PUTTY.finditer(text))


def pem_blocks(text: str) -> Iterator[Span]:
    """RFC 7468 blocks, from BEGIN to END; where one of them is missing, as far as lines of base64 go."""
    if "-BEGIN " not in text and "-END " not in text and "---- " not in text:
        return
    stop = 0
    begin = _PEM_BEGIN.search(text)
    ends = list(_PEM_END.finditer(text))
    for end in ends:
        while begin and begin.end() <= end.start():
            # All up to the END is one block: what is between may be cut, but is no less private.
            yield Span(begin.start(), end.end(), Kind.PEM)
            stop = end.end()
            begin = _PEM_BEGIN.search(text, stop)
        if stop < end.end():
            start = _without_begin(text, stop, end.start())
            if start is not None:
                yield Span(start, end.end(), Kind.PEM)
            stop = end.end()
    while begin:
        stop = _without_end(text, begin.end())
        yield Span(begin.start(), stop, Kind.PEM)
        begin = _PEM_BEGIN.search(text, stop)


def _without_begin(text: str, least: int, end: int) -> int | None:
    """Where the lines of base64 before a lonely END begin, not before ``least``; None where there are none."""
    start = None
    line_end = text.rfind("\n", least, end)
    while line_end != -1:
        before = text.rfind("\n", least, line_end)
        first = least if before == -1 else before + 1
        line = text[first:line_end]
        if len(line) > _PEM_LINE_LENGTH or not line.strip() or not _PEM_LINE.match(line):
            break
        start, line_end = first, before
    return start


def _without_end(text: str, begun: int) -> int:
    """Where a block that nothing ends does so: behind its last line of base64."""
    rest = _PEM_REST.match(text, begun)
    behind = rest.end() if rest else begun
    stop, line_end, before = behind, text.find("\n", begun), ""
    while line_end != -1:
        next_end = text.find("\n", line_end + 1)
        line = text[line_end + 1 : len(text) if next_end == -1 else next_end]
        if len(line) > _PEM_LINE_LENGTH or not (_PEM_LINE.match(line) or _ends_like(before, line)):
            break
        before = line
        stop = max(behind, line_end + 1 + len(line))
        line_end = next_end
    return stop


def _ends_like(before: str, line: str) -> bool:
    """Whether ``line`` has the rest of what is in the whole line of base64 ``before`` it."""
    whole, last = _PEM_LAST.match(before), _PEM_LAST.match(line)
    if not whole or not last or len(last["body"]) % 4 or len(last["body"]) > len(whole["body"]):
        return False
    if not last["before"] or last["body"].islower():  # without anything before it is known already; or it is a word
        return False
    return _COUNTS.sub("0", whole["before"]) == _COUNTS.sub("0", last["before"])


# RFC 7519: base64url of '{"' is eyJ. The look-behind follows the literal, so that the scan runs on the literal and a
# long run of it is read once.
# RFC 7516: five parts; the second one is empty where the key was agreed on before (alg "dir").
_JWT = re.compile(
    r"eyJ(?<![A-Za-z0-9_-]eyJ)[A-Za-z0-9_-]{8,}"
    r"\.(?:[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}|(?:\.[A-Za-z0-9_-]{8,}){3})"
)
_BEARER = re.compile(r"[Bb]earer(?<!\w[Bb]earer)[ \t]{1,4}(?P<value>[A-Za-z0-9._~+/-]{16,4096}=*)")


_BASIC = re.compile(r"[Bb]asic(?<!\w[Bb]asic)[ \t]{1,4}(?P<value>[A-Za-z0-9+/]{6,1024}={0,2})")
# crypt(5): the method, its parameters, salt and hash between signs.
_CRYPT = re.compile(r"\$(?:2[abxy]?|[1567y]|gy|argon2(?:id|[id]))\$[./A-Za-z0-9$=,+-]{20,200}")


def tokens(text: str) -> Iterator[Span]:
    """JSON Web Tokens, signed or encrypted, what follows the schemes ``Bearer`` (RFC 6750) and ``Basic`` (RFC 7617),
    and hashes of passwords."""
    if "eyJ" in text:
        yield from (Span(*match.span(), Kind.JWT) for match in _JWT.finditer(text))
    if "earer " in text:
        yield from (Span(*match.span("value"), Kind.SECRET) for match in _BEARER.finditer(text))

    if "asic " in text:
        yield from (Span(*match.span("value"), Kind.SECRET) for match in _BASIC.finditer(text) if _is_login(match))
    if "$" in text:
        yield from (Span(*match.span(), Kind.SECRET) for match in _CRYPT.finditer(text))


def _is_login(basic: re.Match[str]) -> bool:
    """Whether it is base64 of ``user:password``, and no word behind another ("basic authentication")."""
    try:
        return b":" in b64decode(basic["value"], validate=True)
    except NotBase64:
        return False


# The last @ before the host counts. What should have been encoded (/?#) often is not; a port is no password.
_LOGIN = re.compile(
    r"://([^\s/?#@:\"'<>]{0,128}:[^\s/?#\"'<>]{1,256}|[^\s/?#@:\"'<>.\[\]]{0,128}:(?![0-9]{1,5}[/?#])[^\s@\"'<>]{1,256})@"
)
_ENCODED_LOGIN = re.compile(
    r"%3A%2F%2F((?:[^\s%&]|%(?!40|3A|2F)){0,128}%3A(?:[^\s%&]|%(?!40|2F)){1,256})%40", re.IGNORECASE
)
_DRIVER_LOGIN = re.compile(r"@(?:tcp|unix)\(")
_BEFORE_DRIVER = re.compile(r"[^\s\"'<>:]{1,256}:(?=[\w.-])")


def url_credentials(text: str) -> Iterator[Span]:
    """The ``user:password`` in ``scheme://user:password@host`` (RFC 3986 3.2.1)."""
    if "://" in text and "@" in text:
        yield from (Span(*match.span(1), Kind.SECRET) for match in _LOGIN.finditer(text))
    if "%40" in text:
        yield from (Span(*match.span(1), Kind.SECRET) for match in _ENCODED_LOGIN.finditer(text))
    if "@tcp(" in text or "@unix(" in text:  # user:password@tcp(host), as Go's drivers have it
        for driver in _DRIVER_LOGIN.finditer(text):
            at = driver.start()
            if before := _BEFORE_DRIVER.match(text[max(0, at - 257) : at][::-1]):
                yield Span(at - before.end() + 1, at, Kind.SECRET)
