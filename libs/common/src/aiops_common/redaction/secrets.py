"""Secrets that are recognised by their own form: private keys, tokens, keys with a vendor's prefix, URL logins."""

import re
from collections.abc import Iterator

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

_PEM_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{1,40}-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{1,40}-----")
_PEM_REST = re.compile(r"[A-Za-z0-9+/=\s\\]*")


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


def _key(literal: str, rest: str) -> tuple[str, re.Pattern[str]]:
    """``literal`` at the start of a word, then ``rest``, which ends where a word ends."""
    start = re.escape(literal)
    return literal, re.compile(rf"{start}(?<![A-Za-z0-9_]{start})(?:{rest})(?![A-Za-z0-9_])")


# What such a key starts with, and the rest of it, as the issuers document them. Bodies are bounded.
_KEYS = (
    _key("aiops_", "[A-Za-z0-9_-]{43}"),  # our own
    _key("AKIA", "[A-Z0-9]{16}"),  # AWS access key ids, long-lived and temporary
    _key("ASIA", "[A-Z0-9]{16}"),
    _key("gh", "[pousr]_[A-Za-z0-9]{36,255}"),  # GitHub
    _key("github_pat_", "[A-Za-z0-9_]{22,255}"),
    _key("gl", "(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-[A-Za-z0-9_-]{20,255}"),  # GitLab
    _key("xox", "[abeoprs]-[A-Za-z0-9-]{10,255}"),  # Slack
    _key("xapp-", "[A-Za-z0-9-]{10,255}"),
    _key("hooks.slack.com/services/", "[A-Za-z0-9/]{20,80}"),
    _key("sk-", "(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{20,255}"),  # OpenAI and compatible
    _key("sk_live_", "[A-Za-z0-9]{16,255}"),  # Stripe
    _key("sk_test_", "[A-Za-z0-9]{16,255}"),
    _key("rk_live_", "[A-Za-z0-9]{16,255}"),
    _key("whsec_", "[A-Za-z0-9+/=]{24,255}"),
    _key("AIza", "[A-Za-z0-9_-]{35}"),  # Google
    _key("ya29.", "[A-Za-z0-9_-]{20,1024}"),
    _key("GOCSPX-", "[A-Za-z0-9_-]{28}"),
    _key("npm_", "[A-Za-z0-9]{36}"),
    _key("pypi-", "[A-Za-z0-9_-]{50,512}"),
    _key("SG.", r"[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"),  # SendGrid
    _key("dop_v1_", "[a-f0-9]{64}"),  # DigitalOcean
    _key("hv", r"[sbr]\.[A-Za-z0-9_-]{24,255}"),  # Vault
    _key("hf_", "[A-Za-z0-9]{30,64}"),
    _key("dapi", "[0-9a-f]{32}(?:-[0-9])?"),
    _key("shp", "(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),
    _key("dckr_pat_", "[A-Za-z0-9_-]{20,64}"),
    _key("gls", "[ac]_[A-Za-z0-9_]{32,255}"),  # Grafana
    _key("ATATT3", "[A-Za-z0-9_=-]{40,255}"),  # Atlassian
    _key("AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
)


def keys(text: str) -> Iterator[Span]:
    """Keys of clouds and code hosts, by their published prefixes."""
    for literal, form in _KEYS:
        if literal in text:
            yield from (Span(*match.span(), Kind.KEY) for match in form.finditer(text))


_LOGIN = re.compile(r"://([^\s/?#@:\"'<>]{0,128}:[^\s/?#@\"'<>]{1,256})@")


def url_credentials(text: str) -> Iterator[Span]:
    """The ``user:password`` in ``scheme://user:password@host`` (RFC 3986 3.2.1)."""
    if "://" in text and "@" in text:
        yield from (Span(*match.span(1), Kind.SECRET) for match in _LOGIN.finditer(text))
