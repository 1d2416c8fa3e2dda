import base64
import os

import pytest
from pydantic import ValidationError

from aiops_auth.settings import AuthSettings

MASTER_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith("AUTH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AUTH_DATABASE_URL", "postgresql://auth:db-secret@localhost/aiops")
    monkeypatch.setenv("AUTH_AMQP_URL", "amqp://auth:mq-secret@localhost/")
    monkeypatch.setenv("AUTH_MASTER_KEY", MASTER_KEY)
    return monkeypatch


def test_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = AuthSettings()
    assert settings.master_key_bytes() == bytes(range(32))
    assert (settings.issuer, settings.audience) == ("aiops-auth", "aiops")
    assert (settings.access_token_seconds, settings.refresh_token_days) == (600, 30)
    assert (settings.argon2_memory_kib, settings.argon2_time_cost, settings.argon2_parallelism) == (65536, 3, 4)
    assert settings.hash_concurrency == 2
    assert settings.admin_email is None
    assert settings.admin_password is None


def test_secrets_are_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_ADMIN_PASSWORD", "admin-secret")
    shown = repr(AuthSettings())
    for secret in ("db-secret", "mq-secret", "admin-secret", MASTER_KEY):
        assert secret not in shown


@pytest.mark.parametrize("name", ["AUTH_DATABASE_URL", "AUTH_AMQP_URL", "AUTH_MASTER_KEY"])
def test_secrets_have_no_default(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(ValidationError, match=name.removeprefix("AUTH_").lower()):
        AuthSettings()


@pytest.mark.parametrize("wrong", ["", "not base64!", base64.b64encode(b"k" * 16).decode(), MASTER_KEY + "AAAA"])
def test_a_wrong_master_key_is_refused_without_being_quoted(environment: pytest.MonkeyPatch, wrong: str) -> None:
    environment.setenv("AUTH_MASTER_KEY", wrong)
    with pytest.raises(ValidationError, match="openssl rand -base64 32") as refusal:
        AuthSettings()
    assert not wrong or wrong not in str(refusal.value)
