"""Generated values in the middle of ordinary sentences are found, whole."""

import string

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_common.redaction import redact

_ALPHANUMERIC = string.ascii_letters + string.digits
_FRAMES = ["Please check {} today", "value={}", '{{"field": "{}"}}', "({})", "{}", "it was {}, again", "see\n{}\nbelow"]
_frames = st.sampled_from(_FRAMES)


def _assert_hidden(value: str, frame: str, kind: str) -> None:
    redacted = redact(frame.format(value))
    assert value not in redacted.text
    assert redacted.kinds == {kind: 1}
    assert value in redacted.originals.values()


_labels = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)


@given(
    _labels,
    st.sampled_from(["", ".x", "+tag", "_1", "-b"]),
    _labels,
    st.sampled_from(["com", "org", "co.uk", "io"]),
    _frames,
)
def test_mail_addresses(local: str, more: str, domain: str, tld: str, frame: str) -> None:
    _assert_hidden(f"{local}{more}@{domain}.{tld}", frame, "EMAIL")


def _with_luhn(body: str) -> str:
    for digit in string.digits:
        card = body + digit
        doubled = [sum(divmod(2 * int(char), 10)) for char in card[-2::-2]]
        if (sum(map(int, card[-1::-2])) + sum(doubled)) % 10 == 0:
            return card
    raise AssertionError(body)


@given(
    st.sampled_from([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("36", 14), ("3530", 16)]),
    st.text(string.digits, min_size=19, max_size=19),
    st.sampled_from(["", " ", "-"]),
    _frames,
)
def test_cards(issuer: tuple[str, int], digits: str, separator: str, frame: str) -> None:
    prefix, length = issuer
    card = _with_luhn((prefix + digits)[: length - 1])
    groups = (4, 4, 4, 4) if length == 16 else (4, 6, length - 10)
    parts, position = [], 0
    for size in groups:
        parts.append(card[position : position + size])
        position += size
    _assert_hidden(separator.join(parts), frame, "CARD")


@given(
    st.sampled_from([("DE", 22), ("GB", 22), ("FR", 27), ("NL", 18), ("NO", 15), ("MT", 31)]),
    st.text(string.digits + string.ascii_uppercase, min_size=30, max_size=30),
    st.booleans(),
    _frames,
)
def test_ibans(country: tuple[str, int], body: str, grouped: bool, frame: str) -> None:
    code, length = country
    account = body[: length - 4]
    number = int("".join(str(int(char, 36)) for char in f"{account}{code}00"))
    iban = f"{code}{98 - number % 97:02d}{account}"
    shown = " ".join(iban[start : start + 4] for start in range(0, length, 4)) if grouped else iban
    _assert_hidden(shown, frame, "IBAN")


_REGIONS = ["US", "GB", "DE", "FR", "AU", "BR", "IN", "JP", "ES", "SE"]


@given(st.sampled_from(_REGIONS), st.sampled_from(["INTERNATIONAL", "E164", "RFC3966"]), _frames)
def test_international_phones(region: str, style: str, frame: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    shown = phonenumbers.format_number(example, getattr(phonenumbers.PhoneNumberFormat, style)).removeprefix("tel:")
    _assert_hidden(shown, frame, "PHONE")


@pytest.mark.parametrize("region", _REGIONS)
def test_national_phones_that_are_introduced(region: str) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.FIXED_LINE)
    assert example is not None
    shown = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)
    redacted = redact(f"My phone number is {shown}, thanks")
    assert redacted.text == "My phone number is <PHONE_1>, thanks"


def _random(alphabet: str, size: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=size, max_size=size)


# The prefixes are joined to generated bodies, so that no line of this file looks like a key to a scanner.
_keys = st.one_of(
    _random(string.ascii_uppercase + string.digits, 16).map("AKIA".__add__),
    _random(_ALPHANUMERIC, 36).map("ghp_".__add__),
    _random(_ALPHANUMERIC, 20).map("glpat-".__add__),
    _random(_ALPHANUMERIC, 24).map("xoxb-".__add__),
    _random(_ALPHANUMERIC, 47).map("sk-1".__add__),
    _random(_ALPHANUMERIC, 35).map("AIza".__add__),
    _random(_ALPHANUMERIC, 24).map("sk_live_".__add__),
)


@given(_keys, _frames)
def test_keys_with_a_prefix(key: str, frame: str) -> None:
    _assert_hidden(key, frame, "KEY")


_NAMES = ["password", "DB_PASSWORD", "client_secret", "apiKey", "api-key", "access_token", "auth.token", "Passwd2"]
_ASSIGNMENTS = [
    "{}={}",
    "{}: {}",
    '"{}": "{}"',
    "'{}' => '{}'",
    "{} := {}",
    "--{} {}",
    "<{}>{}</x>",
    '\\"{}\\":\\"{}\\"',
]


@given(st.sampled_from(_NAMES), st.sampled_from(_ASSIGNMENTS), _random(_ALPHANUMERIC, 11))
def test_assigned_secrets(name: str, assignment: str, value: str) -> None:
    _assert_hidden(f"Z9{value}", assignment.format(name, "{}"), "SECRET")


@given(st.ip_addresses(v=6).filter(lambda ip: int(ip) > 2**64 and any(c.isdigit() for c in str(ip))), _frames)
def test_ipv6(address: object, frame: str) -> None:
    _assert_hidden(str(address), frame, "IP")
