"""Hostile text costs time in proportion to its length: four times the text, about four times the work."""

import pytest

from aiops_common.redaction import redact
from support.growth import assert_linear

_SIZE = 60_000
# Linear is 4, quadratic is 16.
_MOST_FOR_FOUR_TIMES = 9.0
_NOISE = 0.02

_HOSTILE = {
    "at signs": "@",
    "labels": "a.",
    "addresses that never end": "a@b.",
    "local parts": "a" * 50 + "@",
    "digits": "1",
    "digits and blanks": "1 ",
    "open brackets": "(1",
    "groups": "1234-",
    "octets": "1.",
    "colons": ":",
    "hex groups": "a:",
    "double colons": "1::",
    "token starts": "eyJ",
    "token parts": "eyJaaaaaaaaaa.",
    "begins": "-----BEGIN KEY-----",
    "ends": "-----END KEY-----",
    "urls": "://a:",
    "names": "password",
    "assignments": "password=",
    "open quotes": 'password="',
    "escapes": 'token="\\',
    "flags": "--secret-",
    "keys": "sk-",
    "long keys": "sk-a-",
    "account starts": "DE89",
    "capitals": "A",
    "bearers": "Bearer ",
    "placeholders": "<EMAIL_1>",
    "finds": "a@b.co 10.1.2.3 ",
    "weak names": "sig=",
    "short weak names": "pw=",
    "working directories": "pwd=/",
    "lists": 'password=["a","',
    "lists of sentences": 'password = ["a b", "',
    "arrows": "password->a1",
    "doubled quotes": 'password"":""',
    "coloured names": "password\x1b[0m",
    "pairs of name and value": "password value=",
    "names and white space": "password \n \n",
    "command lines": "curl -u a",
    "log ins": "docker login -p",
    "machines": "machine a password ",
    "base64 of keys": "LS0tLS1CRUdJTi",
    "key files": "Private-Lines: 1 a ",
    "runs": "sk-aaaaaaaaaaaaaaaaaaaa",
    "runs with signs": "glpat-aaaaaaaaaaaaaaaaaaaa.",
    "encoded addresses": "aa%40b.",
    "encoded log ins": "%3A%2F%2Fa%3A",
    "log ins with signs": "://:a@a",
    "basics": "Basic aaaaaaaaaaaa=",
    "hashes": "$2b$aaaa",
    "names at line ends": "password:\n",
    "block scalars": "password: |\n a\n",
    "manifests": "kind: Secret\ndata:\n  a: b\n",
    "documents": "---\nkind: Secret\n",
    "manifests in JSON": '{"kind":"Secret","data":{"a":"b"}}',
    "kinds": '"kind":"Secret"',
    "data of manifests": '"kind":"Secret"\n"data":{"a":"b","data":{',
    "quoted lines of keys": "> -----BEGIN KEY-----\n> " + "A" * 64 + "\n> AAA=\n",
    "begins in lines": "-----BEGIN KEY-----\n" + "A" * 64 + "\n",
    "values with signs": "password=aaa(b)",
    "quotes in quotes": 'token\\":\\"\\',
    "attributes": 'password a="b" ',
    "drivers": "a:b@tcp(:",
    "tails": "MMMMMMMMMMMMMMMMMMMMMMMM.G",
}


@pytest.mark.parametrize("unit", _HOSTILE.values(), ids=_HOSTILE)
def test_work_grows_with_length_only(unit: str) -> None:
    small = (unit * _SIZE)[:_SIZE]
    large = (unit * _SIZE * 4)[: 4 * _SIZE]
    assert_linear(redact, small, large, most=_MOST_FOR_FOUR_TIMES, noise_seconds=_NOISE)


def test_begins_before_half_an_end() -> None:
    begin, half_end = "-----BEGIN KEY-----", "-----END KEY"
    small = begin * 2_000 + half_end
    large = begin * 8_000 + half_end
    assert_linear(redact, small, large, most=_MOST_FOR_FOUR_TIMES, noise_seconds=_NOISE)


def test_a_mebibyte_of_log_is_redacted_in_one_go() -> None:
    line = "2024-03-01 12:00:00,123 INFO [worker-7] accepted 10.1.2.3:51234 for a@example.com after 15 ms\n"
    text = line * (1024 * 1024 // len(line))
    redacted = redact(text)
    assert redacted.kinds == {"IP": text.count("\n"), "EMAIL": text.count("\n")}
    assert len(redacted.originals) == 2
