"""Keys that are recognised by what their issuer puts into them: clouds, code hosts, registries, mail, chat, models.

Each form is what the issuer documents, or what its keys have looked like. Bodies are bounded, and every form begins
with a literal that is rare in text: the scan runs on that.
"""

import re
from collections.abc import Iterator

from aiops_common.redaction.redacted import Kind
from aiops_common.redaction.spans import Span

_WORD = "[A-Za-z0-9_-]"
_ALNUM = "[A-Za-z0-9]"
_HEX = "[0-9a-f]"


# Nearly every key begins with a run of so many characters without a sign. Most text has few such runs, so that they are
# looked through for the literals of all issuers in no time.
_SHORTEST_RUN = 16
_SIGNS_AS_BLANKS = bytes(
    code if code < 128 and (chr(code).isalnum() or chr(code) in "_-") else ord(" ") for code in range(256)
)
_HEAD = 2


def _key(literal: str, rest: str) -> tuple[str, re.Pattern[str]]:
    """``literal`` at the start of a word, then ``rest``, which ends where a word ends."""
    start = re.escape(literal)
    return literal, re.compile(rf"{start}(?<![A-Za-z0-9_]{start})(?:{rest})(?![A-Za-z0-9_])")


_IN_RUNS = (
    _key("aiops_", f"{_WORD}{{43}}"),  # our own
    _key("AKIA", "[A-Z0-9]{16}"),  # AWS access key ids, long-lived and temporary
    _key("ASIA", "[A-Z0-9]{16}"),
    _key("gh", f"[pousr]_{_ALNUM}{{36,255}}"),  # GitHub
    _key("github_pat_", "[A-Za-z0-9_]{22,255}"),
    _key(
        "gl", rf"(?:pat|ptt|dt|rt|rtr|cbt|ft|soat|agent|imt|oas|ffct|wt)-{_WORD}[A-Za-z0-9_.-]{{18,255}}{_WORD}"
    ),  # GitLab
    _key("GR1348941", f"{_WORD}{{20,50}}"),
    _key("xox", "[abcdeoprs](?:\\.xox[bp])?-[A-Za-z0-9-]{11,255}"),  # Slack
    _key("xapp-", "[A-Za-z0-9-]{11,255}"),
    _key("sk-", f"(?=[A-Za-z_-]{{0,60}}[0-9]){_WORD}{{20,255}}"),  # OpenAI and compatible, Anthropic, OpenRouter
    _key("gsk_", f"{_ALNUM}{{40,80}}"),  # Groq
    _key("r8_", f"{_ALNUM}{{30,60}}"),  # Replicate
    _key("pplx-", f"{_ALNUM}{{32,80}}"),
    _key("xai-", f"{_ALNUM}{{60,100}}"),
    _key("hf_", f"{_ALNUM}{{30,64}}"),  # Hugging Face
    _key("api_org_", f"{_ALNUM}{{30,64}}"),
    _key("lsv2_", f"(?:pt|sk)_{_HEX}{{32}}(?:_{_HEX}{{10}})?"),  # LangSmith
    _key("sk_live_", f"{_ALNUM}{{16,255}}"),  # Stripe
    _key("sk_test_", f"{_ALNUM}{{16,255}}"),
    _key("sk_org_", f"(?:live|test)_{_ALNUM}{{16,255}}"),
    _key("rk_live_", f"{_ALNUM}{{16,255}}"),
    _key("rk_test_", f"{_ALNUM}{{16,255}}"),
    _key("AIza", f"{_WORD}{{35}}"),  # Google
    _key("GOCSPX-", f"{_WORD}{{28}}"),
    _key("npm_", f"{_ALNUM}{{36}}"),
    _key("pypi-", f"{_WORD}{{50,512}}"),
    _key("rubygems_", f"{_HEX}{{48}}"),
    _key("cio", f"{_ALNUM}{{32}}"),  # Cargo
    _key("oy2", "[a-z0-9]{43}"),  # NuGet
    _key("dckr_", f"(?:pat|oat)_{_WORD}{{20,64}}"),  # Docker Hub
    _key("key-", f"{_HEX}{{32}}"),  # Mailgun
    _key("xkeysib-", f"{_HEX}{{64}}(?:-{_ALNUM}{{16}})?"),  # Brevo
    _key("AC", f"{_HEX}{{32}}"),  # Twilio
    _key("SK", f"{_HEX}{{32}}"),
    _key("PMAK-", f"{_HEX}{{24}}-{_HEX}{{34}}"),  # Postman
    _key("dop_v1_", f"{_HEX}{{64}}"),  # DigitalOcean
    _key("doo_v1_", f"{_HEX}{{64}}"),
    _key("dor_v1_", f"{_HEX}{{64}}"),
    _key("HRKU-", f"{_WORD}{{36,80}}"),  # Heroku
    _key("fo1_", f"{_WORD}{{43}}"),  # Fly.io
    _key("nf", f"[pcoub]_{_ALNUM}{{36}}"),  # Netlify
    _key("pul-", f"{_HEX}{{40}}"),  # Pulumi
    _key("dapi", f"{_HEX}{{32}}(?:-[0-9])?"),  # Databricks
    _key("snyk_", f"{_WORD}{{36,120}}"),
    _key("gls", "[ac]_[A-Za-z0-9_]{32,255}"),  # Grafana
    _key("glc_", "eyJ[A-Za-z0-9+/=]{40,400}"),
    _key("NRAK-", "[A-Z0-9]{27}"),  # New Relic
    _key("NRJS-", f"{_HEX}{{19}}"),
    _key("NRII-", f"{_WORD}{{32}}"),
    _key("ddapp_", f"{_ALNUM}{{34}}"),  # Datadog
    _key("pscale_", "(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}"),
    _key("sbp_", f"{_HEX}{{40}}"),  # Supabase
    _key("sb_secret_", f"{_WORD}{{22,64}}"),
    _key("napi_", f"{_ALNUM}{{40,80}}"),  # Neon
    _key("shp", "(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),  # Shopify
    _key("EAAA", f"{_WORD}{{60}}"),  # Square
    _key("sq0", f"(?:csp|atp|idp)-{_WORD}{{22,60}}"),
    _key("EAA", f"(?=[A-Za-z]{{0,40}}[0-9]){_ALNUM}{{80,300}}"),  # Facebook
    _key("AT", "(?:A|C)TT3[A-Za-z0-9_=-]{40,255}"),  # Atlassian
    _key("ATBB", f"{_ALNUM}{{32}}"),  # Bitbucket
    _key("lin_api_", f"{_ALNUM}{{40}}"),  # Linear
    _key("ntn_", f"{_ALNUM}{{40,60}}"),  # Notion
    _key("secret_", f"(?=[A-Za-z]{{0,40}}[0-9]){_ALNUM}{{43}}"),
    _key("pat", rf"{_ALNUM}{{14}}\.{_HEX}{{64}}"),  # Airtable
    _key("pat-", f"(?:na|eu|ap)[0-9]-(?:{_HEX}{{36}}|{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}})"),  # HubSpot
    _key("figd_", f"{_WORD}{{36,60}}"),  # Figma
    _key("ops_eyJ", f"{_ALNUM}{{200,1200}}"),  # 1Password
    _key("tskey-", f"[a-z]{{2,10}}-{_ALNUM}{{8,40}}-{_ALNUM}{{20,64}}"),  # Tailscale
    _key("CCIPAT_", f"{_ALNUM}{{20,24}}_{_HEX}{{40}}"),  # CircleCI
    _key("bkua_", f"{_HEX}{{40}}"),  # Buildkite
    _key("vc", f"[pirk]_{_ALNUM}{{24,80}}"),  # Vercel
    _key("AKCp", f"{_ALNUM}{{60,80}}"),  # JFrog
    _key("cmVmd", f"{_ALNUM}{{59}}"),
    _key("sq", f"[pua]_{_HEX}{{40}}"),  # SonarQube
    _key("phx_", f"{_ALNUM}{{32,60}}"),  # PostHog
    _key("AGE-SECRET-KEY-1", "[0-9A-Z]{58}"),
)
_WITH_SIGNS = (  # such as may come before sixteen characters without one
    _key("ABSK", "[A-Za-z0-9+/]{40,255}={0,2}"),
    _key("hooks.slack.com/", "(?:services|workflows|triggers)/[A-Za-z0-9/]{20,120}"),
    _key("discord", rf"(?:app)?\.com/api/webhooks/[0-9]{{15,21}}/{_WORD}{{40,100}}"),
    _key("webhook.office.com/", "[A-Za-z0-9/@-]{60,300}"),
    _key("1//0", f"{_WORD}{{40,200}}"),  # Google's refresh tokens
    _key("v4.local.", f"{_WORD}{{60,2000}}"),  # PASETO
    _key("whsec_", "[A-Za-z0-9+/=]{24,255}"),
    _key("ya29.", f"{_WORD}{{20,1024}}"),
    _key("SG.", rf"{_WORD}{{16,32}}\.{_WORD}{{32,64}}"),  # SendGrid
    _key("FlyV1 fm", "[12][ar]?_[A-Za-z0-9+/=,_-]{80,4096}"),
    _key("v1.0-", f"{_HEX}{{24}}-{_HEX}{{100,200}}"),  # Cloudflare origin CA
    _key("hv", rf"[sbr]\.{_WORD}{{24,255}}"),  # Vault
    _key("sntry", f"(?:u_{_HEX}{{64}}|s_[A-Za-z0-9+/=_-]{{60,400}})"),  # Sentry
    _key("dt0", r"[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),  # Dynatrace
    _key("access_token$production$", rf"{_HEX}{{16}}\${_HEX}{{32}}"),  # Braintree
    _key("AQE", "(?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9+/=-]{60,200}"),  # Adyen
    _key("dp.", rf"(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{{2,35}}\.)?{_ALNUM}{{40,44}}"),  # Doppler
    _key("sl.", f"(?=[A-Za-z_-]{{0,60}}[0-9]){_WORD}{{130,200}}"),  # Dropbox
)
_TAILS = (  # literal in the middle of a key, what goes on behind it, and what stands before it, read backwards
    ("Q~", re.compile(r"Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~])"), re.compile(r"[0-9][A-Za-z0-9_~.-]{3}")),  # Azure
    (
        ":AA",
        re.compile(f":AA{_WORD}{{32,33}}(?!{_WORD})"),
        re.compile(r"[0-9]{8,10}(?:(?=tob/)|(?![A-Za-z0-9_]))"),
    ),  # Telegram
    ("AZDO", re.compile(r"AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])"), re.compile(r"[A-Za-z0-9]{76}(?![A-Za-z0-9])")),
    ("-us", re.compile(r"-us[0-9]{1,2}(?![A-Za-z0-9_])"), re.compile(rf"{_HEX}{{32}}(?![A-Za-z0-9_])")),  # Mailchimp
    (
        ".atlasv1.",
        re.compile(rf"\.atlasv1\.{_WORD}{{60,70}}"),
        re.compile(rf"{_ALNUM}{{14}}(?![A-Za-z0-9_])"),
    ),  # Terraform
    (
        ".",  # Discord: the bot's id, the time, the signature; all in base64
        re.compile(rf"\.[GXYZ]{_WORD}{{5}}\.{_WORD}{{27,40}}(?!{_WORD})"),
        re.compile(rf"{_WORD}{{23,27}}(?<=[MNO])(?!{_WORD})"),
    ),
)
_LONGEST_BEFORE = 76


_SIGNED = tuple((literal.encode(), form) for literal, form in _WITH_SIGNS)
_BY_HEAD: dict[bytes, list[tuple[bytes, re.Pattern[str]]]] = {}
for _literal, _form in _IN_RUNS:
    _start = _literal.encode().replace(b"-", b"-\n")
    _BY_HEAD.setdefault(_start[:_HEAD], []).append((b"\n" + _start, _form))


def _begun(octets: bytes) -> Iterator[re.Pattern[str]]:
    """The forms of ``_IN_RUNS`` whose literal stands at the start of a word in a run."""
    words = octets.translate(_SIGNS_AS_BLANKS).split()
    runs = b"\n".join([word for word in words if len(word) >= _SHORTEST_RUN])
    if not runs:
        return
    starts = b"\n" + runs.replace(b"-", b"-\n")  # a key may begin behind a dash
    for head in {word[:_HEAD] for word in starts.split(b"\n")}:
        for literal, form in _BY_HEAD.get(head, ()):
            if literal in starts:
                yield form


def keys(text: str) -> Iterator[Span]:
    """Keys of clouds, code hosts and other services, by their own form."""
    # Octets are looked through for ASCII at one speed, whatever else is in the text.
    octets = text.encode("utf-8", "replace")
    for form in (*_begun(octets), *(form for literal, form in _SIGNED if literal in octets)):
        yield from (Span(*match.span(), Kind.KEY) for match in form.finditer(text))
    for literal, rest, before in _TAILS:
        if literal in text:
            for match in rest.finditer(text):
                start = match.start()
                if known := before.match(text[max(0, start - _LONGEST_BEFORE - 1) : start][::-1]):
                    yield Span(start - known.end(), match.end(), Kind.KEY)
