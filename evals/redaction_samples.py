"""Texts with personal data and secrets in them, made up from the formats' own rules; the same in every run.

The shapes are those of public test sets and of what operations teams paste: prose, forms, JSON, YAML, shell, logs. No
value belongs to anybody: numbers are examples or random, names are invented.
"""

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import phonenumbers
from evals.redaction_secrets import SLOT, secrets

from aiops_common.redaction import Kind
from aiops_common.redaction.personal import IBAN_LENGTHS

_SEED = 20
_FRAMES: dict[Kind, tuple[str, ...]] = {
    Kind.PHONE: (
        "Call me at {} after lunch.",
        "My phone number is {}.",
        "phone: {}",
        '{{"phone": "{}", "active": true}}',
        "Jane Roe, 12 High Street, Springfield\n{}-Office, 5 floors up",
        "tel={} ext=none",
        "Please contact our front desk on {} or write to us",
        "Fax {}",
        "you can reach me at {} until noon",
        "mobile\t{}",
    ),
    Kind.CARD: (
        "I lost my card {}, please block it.",
        "please raise the limit of {} for a month",
        '{{"pan": "{}"}}',
        "payment declined for {} (do not honour)",
        "cc: {}",
        "2025-03-04T09:15:27Z WARN charge failed card={} amount=12.50",
        "{}",
    ),
    Kind.IBAN: (
        "Please transfer it to {} by Friday.",
        "IBAN: {}",
        '{{"iban":"{}"}}',
        "iban={};bic=NONE",
        "{}, thanks",
    ),
    Kind.SSN: ("My SSN is {}.", "ssn={}", '{{"ssn": "{}"}}', "social security number {} was used twice"),
    Kind.IP: (
        "ping {} fails",
        "from {}: connection refused",
        '{{"client": "{}"}}',
        "src={} dst=- proto=tcp",
        "my address is {}.",
        "[{}] GET / 200",
    ),
    Kind.EMAIL: (
        "Write to {}.",
        "From: Jane <{}>",
        '{{"user":"{}"}}',
        "login failed for {}: wrong password",
        "mailto:{}?subject=hi",
        "rcpt=<{}>, relay=none",
    ),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """``text[start:end]`` is of ``kind``; ``form`` says of what sort, e.g. the country of a number."""

    text: str
    start: int
    end: int
    kind: Kind
    form: str

    @property
    def value(self) -> str:
        """What is to be hidden."""
        return self.text[self.start : self.end]


def samples() -> Iterator[Sample]:
    """All samples, kind by kind."""
    draw = random.Random(_SEED)  # noqa: S311 -- nothing secret is made
    for kind, values in _VALUES.items():
        for form, value in values(draw):
            frame = draw.choice(_FRAMES[kind])
            start = frame.index("{}") - frame[: frame.index("{}")].count("{{")
            yield Sample(frame.format(value), start, start + len(value), kind, form)
    for form, frame, value in secrets(draw):
        start = frame.index(SLOT)
        yield Sample(frame.replace(SLOT, value), start, start + len(value), Kind.SECRET, form)


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice(string.digits) for _ in range(count))


def _phones(draw: random.Random) -> Iterator[tuple[str, str]]:
    formats = phonenumbers.PhoneNumberFormat
    kinds = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in kinds:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is None:
                continue
            for style in (formats.INTERNATIONAL, formats.E164, formats.NATIONAL):
                yield f"{region} {style}", phonenumbers.format_number(number, style)
    for shape in _AMERICAN * 8:
        shown = "".join(draw.choice("23456789") if char == "9" else char for char in shape)
        yield f"US {shape}", shown
    for shape in _EUROPEAN * 8:
        yield f"EU {shape}", "".join(draw.choice("123456789") if char == "9" else char for char in shape)


_AMERICAN = (
    "(999) 999-9999", "(999)999-9999", "999-999-9999", "999.999.9999", "999 999 9999", "+1-999-999-9999",
    "001-999-999-9999", "1-999-999-9999", "+1 (999) 999-9999", "999-999-9999x999", "(999)999-9999x999",
    "+1-999-999-9999x999", "9999999999",
)  # fmt: skip
_EUROPEAN = (
    "+44(0)999 999 9999", "+44 (0) 9999 999999", "(09999) 999999", "0999 999 9999", "+49(0)999 999999", "09999 999999",
    "09999/999999", "+33 (0)9 99 99 99 99", "09 99 99 99 99", "+34 999 99 99 99", "+39 099 9999999", "099 9999999",
    "+41 99 999 99 99", "099 999 99 99", "+46 (0)99 999 99 99", "099-999 99 99", "+31 (0)99 999 9999", "099-9999999",
    "+45 99 99 99 99", "+358 99 999 9999", "+48 999 999 999", "0043 9 999 9999", "+61 9 9999 9999", "+91-99999-99999",
)  # fmt: skip


def luhn_digit(body: str) -> str:
    """The check digit of a card whose other digits are ``body`` (ISO/IEC 7812-1 annex B)."""
    doubled = sum(sum(divmod(2 * int(char), 10)) for char in body[::-2])
    return str(-(doubled + sum(map(int, body[-2::-2]))) % 10)


_NETWORKS = (
    ("visa", "4", 16), ("visa, short", "4", 13), ("visa, long", "4", 19), ("mastercard", "51", 16),
    ("mastercard", "55", 16), ("mastercard", "2221", 16), ("mastercard", "2720", 16), ("amex", "34", 15),
    ("amex", "37", 15), ("diners", "300", 14), ("diners", "36", 14), ("diners", "38", 14), ("discover", "6011", 16),
    ("discover", "65", 16), ("jcb", "3528", 16), ("jcb", "3589", 16), ("jcb, old", "2131", 15),
    ("jcb, old", "1800", 15),
    ("unionpay", "62", 16), ("unionpay", "62", 19), ("maestro", "5018", 16), ("maestro", "6759", 12),
    ("maestro", "6304", 19), ("mir", "2200", 16), ("mir", "2204", 16), ("rupay", "6521", 16), ("troy", "9792", 16),
    ("elo", "5067", 16), ("verve", "5061", 19),
)  # fmt: skip


def _cards(draw: random.Random) -> Iterator[tuple[str, str]]:
    for _ in range(6):
        for network, prefix, length in _NETWORKS:
            body = prefix + _digits(draw, length - 1 - len(prefix))
            card = body + luhn_digit(body)
            yield f"{network} plain", card
            separator = draw.choice(" -.")
            if length in (14, 15):
                yield f"{network} grouped", separator.join((card[:4], card[4:10], card[10:]))
            elif length in (16, 19):
                yield f"{network} grouped", separator.join(card[start : start + 4] for start in range(0, length, 4))


def _ibans(draw: random.Random) -> Iterator[tuple[str, str]]:
    for country, length in IBAN_LENGTHS.items():
        account = _digits(draw, length - 4)
        number = int("".join(str(int(char, 36)) for char in f"{account}{country}00"))
        iban = f"{country}{98 - number % 97:02d}{account}"
        yield f"{country} plain", iban
        yield f"{country} grouped", " ".join(iban[start : start + 4] for start in range(0, length, 4))


def _ssns(draw: random.Random) -> Iterator[tuple[str, str]]:
    for _ in range(60):
        area = draw.choice([*range(1, 666), *range(667, 900)])
        yield "dashes", f"{area:03d}-{draw.randint(1, 99):02d}-{draw.randint(1, 9999):04d}"


def _ips(draw: random.Random) -> Iterator[tuple[str, str]]:
    for _ in range(80):
        yield "v4", ".".join(str(part) for part in (draw.randint(1, 126), *(draw.randint(0, 255) for _ in range(3))))
        groups = [f"{draw.randint(4096, 65535):x}" for _ in range(8)]
        yield "v6 whole", ":".join(groups)
        yield "v6 short", f"2001:db8:{groups[0]}::{groups[1]}"


def _emails(_: random.Random) -> Iterator[tuple[str, str]]:
    names = ("jane.roe", "j_roe", "jane+alerts", "o'hara", "JANE", "j", "4711", "jürgen", "first.last-name")
    domains = (
        "example.com",
        "mail.example.co.uk",
        "example.museum",
        "xn--bcher-kva.example",
        "a-b.example.io",
        "büro.example",
    )
    for name in names:
        for domain in domains:
            yield f"{name}@{domain}", f"{name}@{domain}"


_VALUES: dict[Kind, Callable[[random.Random], Iterator[tuple[str, str]]]] = {
    Kind.PHONE: _phones,
    Kind.CARD: _cards,
    Kind.IBAN: _ibans,
    Kind.SSN: _ssns,
    Kind.IP: _ips,
    Kind.EMAIL: _emails,
}
