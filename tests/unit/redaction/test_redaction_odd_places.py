"""Secrets where nobody expects them: encoded, escaped, cut, quoted, in the line below their name."""

import base64
import string
from urllib.parse import quote

import pytest

from aiops_common.redaction import redact

_BODY = [string.ascii_letters[start : start + 12] * 5 + "a1/+" for start in range(4)]
_PEM = ["-----BEGIN RSA PRIVATE KEY-----", *_BODY, "-----END RSA PRIVATE KEY-----"]
_BASIC = base64.b64encode(b"joe:hunter2abc").decode()

_CUT_OR_QUOTED = {
    "after a time": "\n".join(f"2025-03-01T12:00:00Z host app[12]: {line}" for line in _PEM[:-1]),
    "by a shell": "\n".join(f"web_1  | {line}" for line in _PEM[:-1]),
    "in a mail": "\n".join(f"> {line}" for line in _PEM[:-1]),
    "in a program": "\n".join(f'"{line}\\n" +' for line in _PEM[:-1]),
    "encrypted": "\n".join((_PEM[0], "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,ABCDEF", "", *_BODY)),
    "without its beginning": "\n".join(("it ends so:", *_PEM[2:])),
    "with four dashes": "\n".join(("---- BEGIN SSH2 PRIVATE KEY ----", *_BODY, "---- END SSH2 PRIVATE KEY ----")),
}


@pytest.mark.parametrize("text", _CUT_OR_QUOTED.values(), ids=_CUT_OR_QUOTED)
def test_a_private_key_goes_with_all_of_its_lines(text: str) -> None:
    left = redact(text).text
    assert not [line for line in _BODY[1:] if line in left]


@pytest.mark.parametrize("before", ["> ", "web_1  | ", "2025-03-01T12:00:{:02}Z host app[12]: "])
def test_the_last_line_of_half_a_key_may_be_short(before: str) -> None:
    lines = [*_PEM[:-1], "aB3=", "stop", "and then it stopped"]
    text = "\n".join(before.format(at) + line for at, line in enumerate(lines))
    left = redact(text).text.split("\n")
    assert left == [f"{before.format(0)}<PEM_1>", before.format(6) + "stop", before.format(7) + "and then it stopped"]


def test_what_follows_half_a_key_stays() -> None:
    text = "\n".join((*(f"> {line}" for line in _PEM[:-1]), "and then the server stopped"))
    assert redact(text).text == "> <PEM_1>\nand then the server stopped"
    assert redact("nothing\n-----END RSA PRIVATE KEY-----").text == "nothing\n-----END RSA PRIVATE KEY-----"


_GONE = [
    ("password%3Dhunter2abc%26x=1", "password%3D<SECRET_1>%26x=1"),
    (quote('{"password":"hunter2abc"}'), "%7B%22password%22%3A%22<SECRET_1>%22%7D"),
    ("user=jane.doe%40example.com&x=1", "user=<EMAIL_1>&x=1"),
    ("next=https%3A%2F%2Fjoe%3Ahunter2abc%40host.example%2F", "next=https%3A%2F%2F<SECRET_1>%40host.example%2F"),
    (f"sent Basic {_BASIC} to the proxy", "sent Basic <SECRET_1> to the proxy"),
    (f"map[Authorization:[Basic {_BASIC}] Accept:[*/*]]", "map[Authorization:[Basic <SECRET_1>] Accept:[*/*]]"),
    (r'{"m":"{\\\"password\\\":\\\"hunter2abc\\\"}"}', r'{"m":"{\\\"password\\\":\\\"<SECRET_1>\\\"}"}'),
    ("password: |\n  hunter2abc\n  more\nuser: x", "password: |\n  <SECRET_1>\n  <SECRET_2>\nuser: x"),
    ('"password":\n  "hunter2abc"', '"password":\n  "<SECRET_1>"'),
    ("kind: Secret\nstringData:\n  dsn: any thing\n", "kind: Secret\nstringData:\n  dsn: <SECRET_1>\n"),
    ("postgres://joe:p@ss@word9@db:5432/x", "postgres://<SECRET_1>@db:5432/x"),
    ("redis://:p#ss/w?rd9@cache:6379/0", "redis://<SECRET_1>@cache:6379/0"),
    ("joe:hunter2abc@tcp(db:3306)/shop", "joe:<SECRET_1>@tcp(db:3306)/shop"),
    ("password=abc,def9ghi", "password=<SECRET_1>"),
    ("Server=db;Password=hun;ter2;User=sa", "Server=db;Password=<SECRET_1>;User=sa"),
    ("password=hunter2abc&user=joe", "password=<SECRET_1>&user=joe"),
    ("Password:\nhunter2abc\n", "Password:\n<SECRET_1>\n"),
    ("enable password 7 094F471A1A0A", "enable password 7 <SECRET_1>"),
    ("password=\x1b[31mhunter2abc\x1b[0m", "password=\x1b[31m<SECRET_1>\x1b[0m"),
    ("password\x1b[0m=\x1b[31mhunter2abc\x1b[0m", "password\x1b[0m=\x1b[31m<SECRET_1>\x1b[0m"),
    ("[\x1b[32mpassword\x1b[0m]: hunter2abc", "[\x1b[32mpassword\x1b[0m]: <SECRET_1>"),
    ("**Password:** hunter2", "**Password:** <SECRET_1>"),
    ("**Password**: hunter2", "**Password**: <SECRET_1>"),
    ("`password`: hunter2", "`password`: <SECRET_1>"),
    ('"{""password"":""hunter2 abc"",""user"":""joe""}"', '"{""password"":""<SECRET_1>"",""user"":""joe""}"'),
    ('{"password": ["hunter2", "hunter2x"]}', '{"password": ["<SECRET_1>", "<SECRET_2>"]}'),
    ("password->hunter2", "password-><SECRET_1>"),
    ("password:\n  hunter2(abc)", "password:\n  <SECRET_1>"),
    ("password: u'hunter2abc'", "password: u'<SECRET_1>'"),
    ('password = """hunter2abc"""', 'password = """<SECRET_1>"""'),
    ("user[password]=hunter2abc&x", "user[password]=<SECRET_1>"),
    ("password\u00a0:\u00a0hunter2abc", "password\u00a0:\u00a0<SECRET_1>"),
]


@pytest.mark.parametrize(("text", "expected"), _GONE)
def test_is_found_in_odd_places(text: str, expected: str) -> None:
    redacted = redact(text)
    left = redacted.text
    assert "hunter2" not in left
    assert redacted.restore(left) == text
    assert left == expected


_STAYS = [
    "HTTP Basic authentication and Basic realm",
    "http://example.com:8080/a@b and git+ssh://git@example.com/x:v1@sha256",
    "passwords of users; passwords: see below",
    "password:\n  type: string\n  minLength: 8",
    "Failed password for root from port 22 ssh2",
    "password reset for user17 is open since 2 days",
    "kind: ConfigMap\ndata:\n  color: blue\n",
    "the key:\n  point is 4 hours",
    "token -> Tree, secret | grep, auth) and pw",
    "opportunity identified by coming out; psk, pw and keys",
    "the machine was off, use another machine since password was accepted",
    "costs $5 or $6 and $1000000",
    "---- BEGIN of the report ----\n---- END of it ----",
    "Unexpected token:\nfoo(bar1)",
    "secret:\n  load(bar1)",
    "auth: |\n  the server asks twice",
    "tests pass:\n  build2024abc",
    "password:\n  ${DB_PASS1}\npassword:\n  %DB_PASS1%",
    '{"password": ["The password must have 8 characters."]}',
    "$this->password->hash1->x, this->password->hash256(), token->type2, node->password->next->a1b2",
    'password="" user=""',
]


@pytest.mark.parametrize("text", _STAYS)
def test_only_looks_odd(text: str) -> None:
    assert redact(text).text == text


def test_a_number_does_not_go_on_behind_an_escaped_line_end() -> None:
    assert redact(r"Bern 88961\n0676 233 41 12 office").text == r"Bern 88961\n<PHONE_1> office"
