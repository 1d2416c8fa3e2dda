"""API keys without a database: names, expiry, revocation, and secrets that only their own key opens."""

import os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from aiops_auth.api_key_secrets import ApiKeySecrets, digest_of
from aiops_auth.domain import ApiKey, InvalidInput, Role, VersionConflict, new_api_key, parse_api_key_name, revoked

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def made(expires_at: datetime | None = None) -> ApiKey:
    return new_api_key(name="bot", role=Role.OPS, digest=b"d" * 32, created_by=uuid4(), expires_at=expires_at, now=NOW)


@pytest.mark.parametrize(
    ("text", "name"), [("bot", "bot"), ("  a b ", "a b"), ("e\u0301", "é"), ("x" * 100, "x" * 100)]
)
def test_a_name_is_trimmed_and_composed(text: str, name: str) -> None:
    assert parse_api_key_name(text) == name


@pytest.mark.parametrize("text", ["", " ", "\t", "x" * 101, "a\nb", "a\x1b[31mb", "a\u202eb", "a\u200bb", "\ud800"])
def test_a_name_that_hides_something_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_api_key_name(text)
    assert error.value.field == "name"


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(days=9999)])
def test_a_key_cannot_be_born_expired(late: timedelta) -> None:
    with pytest.raises(InvalidInput, match="future"):
        made(NOW - late)
    assert made(NOW + timedelta(microseconds=1)).expires_at is not None


def test_a_revocation_is_the_second_version_and_the_last() -> None:
    key = made()
    gone = revoked(key, expected_version=1, now=NOW + timedelta(seconds=1))
    assert (gone.version, gone.revoked_at, gone.updated_at) == (2, NOW + timedelta(seconds=1), gone.revoked_at)
    assert revoked(gone, expected_version=1, now=NOW + timedelta(days=1)) is gone
    assert revoked(gone, expected_version=2, now=NOW + timedelta(days=1)) is gone
    assert revoked(key, expected_version=1, now=NOW - timedelta(days=1)).revoked_at == NOW, "time never goes back"


@pytest.mark.parametrize("version", [-1, 0, 2, 3, 2**70])
def test_another_version_is_a_conflict(version: int) -> None:
    with pytest.raises(VersionConflict, match="version 1"):
        revoked(made(), expected_version=version, now=NOW)
    gone = revoked(made(), expected_version=1, now=NOW)
    if version != 2:
        with pytest.raises(VersionConflict):
            revoked(gone, expected_version=version, now=NOW)


def test_neither_secret_nor_digest_is_shown_by_accident() -> None:
    secrets = ApiKeySecrets(os.urandom(32))
    assert str(secrets.master_key) not in repr(secrets)
    assert "digest" not in repr(made())


def test_a_secret_opens_for_its_own_key_under_its_own_master_key_only() -> None:
    secrets, key_id = ApiKeySecrets(os.urandom(32)), uuid4()
    secret = secrets.new()
    sealed = secrets.seal(secret, about=key_id)
    assert secrets.open(sealed, about=key_id) == secret
    assert secret.encode() not in sealed
    assert secrets.open(sealed, about=uuid4()) is None
    assert ApiKeySecrets(os.urandom(32)).open(sealed, about=key_id) is None
    for altered in (b"", sealed[:-1], sealed + b"x", bytes([sealed[0] ^ 1]) + sealed[1:]):
        assert secrets.open(altered, about=key_id) is None


def test_secrets_are_256_random_bits_known_by_their_digest() -> None:
    secrets = ApiKeySecrets(os.urandom(32))
    made = {secrets.new() for _ in range(50)}
    assert len(made) == 50
    assert {len(secret) for secret in made} == {len("aiops_") + 43}
    assert {len(digest_of(secret)) for secret in made} == {32}
