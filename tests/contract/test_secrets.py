"""What passwords and refresh tokens may be, before anybody looks at them."""

import pytest
from pydantic import ValidationError

from aiops_contracts.auth import LogIn, RefreshTokens


def test_a_password_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="surrogates"):
        LogIn.model_validate({"email": "a@b.example", "password": "a\ud800"})


def test_a_refresh_token_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="surrogates"):
        RefreshTokens.model_validate({"refresh_token": "\ud800" * 43})


def test_a_refused_secret_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as refusal:
        LogIn.model_validate({"email": "a@b.example", "password": "hunter2\ud800"})
    assert "hunter2" not in str(refusal.value)
