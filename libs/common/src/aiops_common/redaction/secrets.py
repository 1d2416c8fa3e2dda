"""Secrets that are recognised by their own form: private keys, tokens, logins in URLs."""

import re
from collections.abc import Iterator

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,40}-----")
_PEM_REST = re.compile(r"[A-Za-z0-9+/=\s\\]*")
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
    """RFC 7468 blocks, from BEGIN to END; without an END, as far as base64 and line ends go."""
    begin = _PEM_BEGIN.search(text) if "-----BEGIN " in text else None
    last_end = max((match.start() for match in _PEM_END.finditer(text)), default=-1) if begin else -1
    while begin:
        # The search for an END is only made where there is one, or many lonely BEGINs would each read all that follows.
        end = _PEM_END.search(text, begin.end()) if last_end > begin.start() else None
        rest = end or _PEM_REST.match(text, begin.end())
        stop = rest.end() if rest else begin.end()
        yield Span(begin.start(), stop, Kind.PEM)
        begin = _PEM_BEGIN.search(text, stop)


# RFC 7519: base64url of '{"' is eyJ. The look-behind follows the literal, so that the scan runs on the literal and a
# long run of it is read once.
# RFC 7516: five parts; the second one is empty where the key was agreed on before (alg "dir").
_JWT = re.compile(
    r"eyJ(?<![A-Za-z0-9_-]eyJ)[A-Za-z0-9_-]{8,}"
    r"\.(?:[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3}|(?:\.[A-Za-z0-9_-]{8,}){3})"
)
_BEARER = re.compile(r"[Bb]earer(?<!\w[Bb]earer)[ \t]{1,4}(?P<value>[A-Za-z0-9._~+/-]{16,4096}=*)")


def tokens(text: str) -> Iterator[Span]:
    """JSON Web Tokens, signed or encrypted, and what follows the scheme ``Bearer`` (RFC 6750)."""
    if "eyJ" in text:
        yield from (Span(*match.span(), Kind.JWT) for match in _JWT.finditer(text))
    if "earer " in text:
        yield from (Span(*match.span("value"), Kind.SECRET) for match in _BEARER.finditer(text))


_LOGIN = re.compile(r"://([^\s/?#@:\"'<>]{0,128}:[^\s/?#@\"'<>]{1,256})@")


def url_credentials(text: str) -> Iterator[Span]:
    """The ``user:password`` in ``scheme://user:password@host`` (RFC 3986 3.2.1)."""
    if "://" in text and "@" in text:
        yield from (Span(*match.span(1), Kind.SECRET) for match in _LOGIN.finditer(text))
