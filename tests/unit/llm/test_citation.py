"""What counts as an exact statement, and whether the evidence has it."""

import pytest

from aiops_common.llm.citation import claims, is_plain, uncited

EVIDENCE = "Connection to db-7 (10.0.0.7:5432) refused 1,204 times from 10:00:07 on; see app.Db, OPS-7, #12 and <IP_1>"


@pytest.mark.parametrize(
    "text",
    [
        "The database refused connections.",
        "db-7 refused 1204 times.",
        "It began at 10:00 and at 10:00:07.",
        "App.Db says so, e.g. in OPS-7 and #12.",
        "It came from <IP_1>.",
        "Commit 9f2c41 and 9f2c41aab brought it.",
    ],
)
def test_what_the_evidence_has_may_be_said(text: str) -> None:
    assert uncited(text, EVIDENCE + " 9f2c41", hashes=["9F2C41AABBCC"]) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("It failed 37 times.", "says '37'"),
        ("It failed three times.", "says '3'"),
        ("It failed hundreds of times.", "says 'hundreds'"),
        ("db-8 refused.", "says 'db-8'"),
        ("It began at 10:01.", "says '10:01'"),
        ("See OPS-8.", "says 'ops-8'"),
        ("See #13.", "says '#13'"),
        ("Commit deadbee brought it.", "says 'deadbee'"),
        ("It came from <IP_2>.", "says '<IP_2>'"),
        ("Ask evil.example now.", "says 'evil.example'"),
        ("See https://evil.test/now.", "has an address"),
        ("See www.evil.test.", "has an address"),
        ("Write to mailto:a@evil.test.", "has an address"),
        ("See [the docs](now).", "has a link or markup"),
        ("<script >alert</script>", "has a link or markup"),
        ("Run ```rm```.", "has a link or markup"),
        ("It doubled.", "says 'doubled'"),
        ("Fifteen hosts are down.", "says '15'"),
        ("Twenty-three hosts are down.", "says '23'"),
        ("Twenty three hosts are down.", "says '20'"),
        ("Two-thirds of the hosts are down.", "says '2'"),
        ("One-third of the hosts is down.", "says 'third'"),
        ("A third of the hosts is down.", "says 'third'"),
        ("A billion rows are gone.", "says 'billion'"),
        ("A quarter of the users wait.", "says 'quarter'"),
        ("Ninety-nine percent of them wait.", "says '99'"),
        ("1204% of them wait.", "says 'percent'"),
        ("A ten-minute outage.", "says '10'"),
        ("\u00bd of the hosts are down.", "says '\u00bd'"),
        ("\u2167 hosts are down.", "says '\u2177'"),
        ("It costs 15 euros.", "says '15'"),
    ],
)
def test_what_it_has_not_is_told(text: str, told: str) -> None:
    assert uncited(text, EVIDENCE + "; version 1,5") == told


@pytest.mark.parametrize(
    "text",
    [
        "A third-party library and one-time codes failed for one host, none left.",
        "At first a two-factor check failed once, then a three-way handshake, a one-off.",
        "A half-open connection, a second-hand disk and a quarter-final are quarterly at best.",
        "A third party read it in the first place, one by one, all-in-one.",
        "\u4e00\u8d77 failed.",
    ],
)
def test_words_and_names_that_only_look_like_numbers_may_be_said(text: str) -> None:
    assert uncited(text, EVIDENCE) is None


def test_an_address_of_the_evidence_may_be_said_in_full_only() -> None:
    evidence = "GET https://shop.test/cart failed"
    assert uncited("https://shop.test/cart fails.", evidence) is None
    assert uncited("https://shop.test.evil/cart fails.", evidence) == "has an address"


def test_numbers_have_one_way_of_writing() -> None:
    assert claims("v2.0.0, 1,000 3x twice Two") == {"2.0.0", "1000", "3", "2"}
    assert claims("twenty-three, ninety, fifteen, 5%, 1,204,000ms") == {"23", "90", "15", "5", "percent", "1204000ms"}


def test_a_comma_parts_thousands_only_where_three_digits_follow() -> None:
    assert claims("1,5 and 1,50 and 1,5000 and 0,125") == {"1,5", "1,50", "1,5000", "0,125"}
    assert uncited("It took 5 percent longer.", "5% longer") is None
    assert uncited("Twenty-three of 40 failed.", "23 of forty failed") is None


@pytest.mark.parametrize(
    ("text", "plain"), [("a b", True), ("", False), (" ", False), ("a\x00", False), ("a\nb", False)]
)
def test_plain_text_is_one_line_that_says_something(text: str, plain: bool) -> None:
    assert is_plain(text) is plain
