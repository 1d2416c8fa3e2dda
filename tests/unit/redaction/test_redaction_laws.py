"""What holds for every text: redacting twice changes nothing, restoring gives the text back, equal values get equal
numbers, and nothing that was taken out is left in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiops_common.redaction import redact

_PIECES = [
    *("john.doe@example.com", "4111 1111 1111 1111", "4111111111111111", "DE89 3704 0044 0532 0130 00", "10.1.2.3"),
    *("fe80::1", "+49 30 1234567", "(555) 234-5678", "123-45-6789", "AKIAIOSFODNN7EXAMPLE", "password=", "token: "),
    *('"secret": "', "Authorization: Bearer ", "https://u:p@host/", "-----BEGIN KEY-----", "-----END KEY-----"),
    *("mysql -p", "curl -u a:", "docker login -p ", "machine a password ", "IDENTIFIED BY '", "PASSWORD '"),
    *("LS0tLS1CRUdJTi" + "Q" * 40, "sk_live_" + "a1" * 12, "1234567890:AA" + "b" * 33, "c" * 32 + "-us7", "pass: "),
    *(
        '"DB_PASSWORD", "value": "',
        "sig=",
        "- name: A_TOKEN\n  value: ",
        "client_secret: |\n  ",
        "kind: Secret\ndata:\n  a: ",
        "%3A%2F%2Fjoe%3A",
        "%40",
        "password%3D",
        "a1b2c3d4e5f6g7h8i9j0k1",
        "Private-Lines: 1\n",
    ),
    *("pass=", "pw: pwd=", "pwd=/", "**Password:** ", 'password"":""', '"password": ["', "password->", "-storepass "),
    *('{"kind":"Secret","data":{"a":"', "> -----BEGIN KEY-----\n> ", "secret:\n  ", "\x1b[0m", "INC0012345"),
    *("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "<EMAIL_1>", "<SECRET_1>", "<IP_7>", "hunter2", "is ", "\n", " ", "-"),
    *(
        '"',
        "'",
        "\\",
        "=",
        ":",
        ".",
        "@",
        "<",
        ">",
        "_",
        "0",
        "7",
        "x",
        "é",
        "İ",
        "\u00a0",
        "\r\n",
        "call me ",
        "phone ",
    ),
]
_TEXTS = st.lists(st.sampled_from(_PIECES) | st.text(max_size=4), max_size=24).map("".join)


@settings(max_examples=400)
@given(_TEXTS)
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text).text
    again = redact(once)
    assert again.text == once
    assert again.count == 0


@settings(max_examples=400)
@given(_TEXTS)
def test_restoring_gives_the_text_back(text: str) -> None:
    redacted = redact(text)
    assert redacted.restore(redacted.text) == text
    assert redacted.count == sum(redacted.kinds.values())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123-45-6789+49 30 1234567", "<SSN_1><PHONE_1>"),
        ("fe80::1(555) 234-5678", "<IP_1><PHONE_1>"),
        ('10.1.2.3.123-45-6789"', '<IP_1>.<SSN_1>"'),
    ],
)
def test_what_a_replaced_neighbour_hid_is_found_as_well(text: str, expected: str) -> None:
    redacted = redact(text)
    assert redacted.text == expected
    assert redacted.restore(expected) == text


@settings(max_examples=200)
@given(st.lists(_TEXTS, min_size=1, max_size=4))
def test_a_line_is_redacted_alike_alone_and_among_others(lines: list[str]) -> None:
    lines = [line.replace("\n", " ").replace("-----", "").replace("LS0tLS1CRUdJTi", "") for line in lines]
    between = "\nand then\n"  # a name at the end of a line says what the next one is
    together = redact(between.join(lines))
    for line, among in zip(lines, together.text.split(between), strict=True):
        alone = redact(line)
        assert alone.restore(alone.text) == together.restore(among)
        assert alone.count == sum(among.count(name) for name in together.originals)


def test_equal_values_have_one_number_and_others_the_next() -> None:
    redacted = redact("a@example.com wrote to b@example.com, and a@example.com again")
    assert redacted.text == "<EMAIL_1> wrote to <EMAIL_2>, and <EMAIL_1> again"
    assert redacted.kinds == {"EMAIL": 3}


def test_placeholders_in_the_text_keep_their_numbers_to_themselves() -> None:
    redacted = redact("<EMAIL_1> is not a@example.com")
    assert redacted.text == "<EMAIL_1> is not <EMAIL_2>"
    assert redacted.restore("<EMAIL_2> and <EMAIL_1>") == "a@example.com and <EMAIL_1>"


def test_originals_do_not_show_in_the_repr() -> None:
    assert "hunter2" not in repr(redact("password=hunter2"))


@pytest.mark.parametrize("text", ["", "no hits here, only words", "ünïcödé"])
def test_text_without_hits_is_the_same_object(text: str) -> None:
    assert redact(text).text is text
