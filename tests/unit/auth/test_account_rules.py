import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops_auth.domain import (
    InvalidInput,
    LoginFailures,
    Role,
    VersionConflict,
    locked_until,
    new_account,
    parse_display_name,
    parse_email,
    password_weakness,
    with_role,
)
from aiops_auth.domain.common_passwords import COMMON_PASSWORDS

NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  Ada.Lovelace+ops@Example.ORG ", "ada.lovelace+ops@example.org"),
        ("admin@localhost", "admin@localhost"),
        ("JOSE\u0301@example.org", "jos\u00e9@example.org"),
        ("a@" + "b" * 63 + ".org", "a@" + "b" * 63 + ".org"),
    ],
)
def test_an_email_address_has_one_spelling(written: str, stored: str) -> None:
    assert parse_email(written) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "a@b@c.org",
        "a da@example.org",
        "ada@exa mple.org",
        "ada@example..org",
        "ada@-example.org",
        "ada@example-.org",
        "ada@example.org\nbcc: x",
        "ada@exam\x00ple.org",
        "<ada@example.org>",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a@" + "b." * 160 + "org",
        "\ud800@example.org",
    ],
)
def test_what_is_no_email_address_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_email(text)
    assert refusal.value.field == "email"
    assert len(text) < 2 or text not in str(refusal.value)


@given(st.text(max_size=40), st.text(max_size=40))
def test_parsing_an_email_address_is_idempotent(local: str, domain: str) -> None:
    try:
        once = parse_email(f"{local}@{domain}")
    except InvalidInput:
        return
    assert parse_email(once) == once
    assert once == once.lower() == unicodedata.normalize("NFC", once)


def test_a_display_name_is_trimmed() -> None:
    assert parse_display_name("  Ada Lovelace ") == "Ada Lovelace"
    assert len(parse_display_name("x" * 100)) == 100


@pytest.mark.parametrize("text", ["", "   ", "x" * 101, "Ada\nLovelace", "Ada\u202eecalevoL", "\ud800"])
def test_a_display_name_that_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse_display_name(text)
    assert refusal.value.field == "display_name"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short pass!", "12 to 128"),
        ("x1" * 65, "12 to 128"),
        ("Qwertyuiop123", "most common"),
        ("PasswordPassword", "most common"),
        ("aaaaaaaaaaaaaaa", "same few"),
        ("xyzw-xyzw-xyzw-", "same few"),
        ("Ada Lovelace 1815", "e-mail address or name"),
        ("ada@example.org!", "e-mail address or name"),
        ("new\nline password", "control characters"),
        ("lone surrogate \ud800", "control characters"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    weakness = password_weakness(password, email="ada@example.org", display_name="Ada Lovelace")
    assert weakness is not None
    assert reason in weakness
    assert password not in weakness


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "x" * 3 + "y2!z" * 2 + "w", "ada likes differential engines", "пароль-для-машины"],
)
def test_length_is_enough_without_rules_of_composition(password: str) -> None:
    assert password_weakness(password, email="ada@example.org", display_name="Ada Lovelace") is None


def test_a_short_display_name_does_not_forbid_its_letters() -> None:
    assert password_weakness("banana banana plum", email="a@example.org", display_name="A") is None


def test_every_listed_password_would_pass_the_rule_of_length_and_is_found() -> None:
    assert len(COMMON_PASSWORDS) > 400
    for listed in COMMON_PASSWORDS:
        assert len(listed) >= 12
        assert listed == listed.casefold()


def test_locks_begin_at_the_fifth_failure_and_grow_to_a_quarter_of_an_hour() -> None:
    assert [locked_until(n, NOW) for n in range(5)] == [None] * 5
    seconds = [(lock - NOW).total_seconds() for n in range(5, 12) if (lock := locked_until(n, NOW))]
    assert seconds == [30, 60, 120, 240, 480, 900, 900]
    assert locked_until(1_000_000, NOW) == NOW + timedelta(minutes=15)


def test_remaining_seconds_of_a_lock_are_rounded_up() -> None:
    failures = LoginFailures(5, NOW + timedelta(seconds=30))
    assert failures.seconds_locked(NOW) == 30
    assert failures.seconds_locked(NOW + timedelta(seconds=29, milliseconds=900)) == 1
    assert failures.seconds_locked(NOW + timedelta(seconds=30)) == 0
    assert LoginFailures(4, None).seconds_locked(NOW) == 0


def test_a_new_role_is_a_new_version_and_the_same_role_is_not() -> None:
    account = new_account("ada@example.org", "Ada", Role.VIEWER, password_hash="secret-hash", now=NOW)
    later = NOW + timedelta(days=1)
    promoted = with_role(account, Role.OPS, expected_version=1, admins=1, now=later)
    assert (promoted.role, promoted.version, promoted.updated_at) == (Role.OPS, 2, later)
    assert with_role(promoted, Role.OPS, expected_version=2, admins=1, now=later) is promoted
    with pytest.raises(VersionConflict, match="version 2, not 1"):
        with_role(promoted, Role.HR, expected_version=1, admins=1, now=later)


def test_the_last_administrator_stays() -> None:
    admin = new_account("ada@example.org", "Ada", Role.ADMIN, password_hash="secret-hash", now=NOW)
    with pytest.raises(InvalidInput, match="last administrator"):
        with_role(admin, Role.VIEWER, expected_version=1, admins=1, now=NOW)
    assert with_role(admin, Role.VIEWER, expected_version=1, admins=2, now=NOW).role is Role.VIEWER
    assert with_role(admin, Role.ADMIN, expected_version=1, admins=1, now=NOW) is admin


def test_an_account_does_not_show_its_hash() -> None:
    account = new_account("ada@example.org", "Ada", Role.VIEWER, password_hash="secret-hash", now=NOW)
    assert "secret-hash" not in repr(account)
