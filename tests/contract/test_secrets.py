"""What passwords and refresh tokens may be, before anybody looks at them."""

import pytest
from pydantic import ValidationError

from aiops_contracts.credentials import LogInForm, RefreshTokensForm

ANSWER_KEY = "A" * 43


def test_a_password_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="surrogates"):
        LogInForm.model_validate({"email": "a@b.example", "password": "a\ud800", "answer_key": ANSWER_KEY})


def test_a_refresh_token_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(ValidationError, match="surrogates"):
        RefreshTokensForm.model_validate({"refresh_token": "\ud800" * 43, "answer_key": ANSWER_KEY})


def test_a_refused_secret_is_not_quoted() -> None:
    with pytest.raises(ValidationError) as refusal:
        LogInForm.model_validate({"email": "a@b.example", "password": "hunter2\ud800", "answer_key": ANSWER_KEY})
    assert "hunter2" not in str(refusal.value)


def test_a_form_shows_its_secrets_in_its_json_only() -> None:
    form = LogInForm.model_validate({"email": "a@b.example", "password": "a passphrase", "answer_key": ANSWER_KEY})
    for shown in (repr(form), str(form), str(form.model_dump())):
        assert "a passphrase" not in shown
        assert ANSWER_KEY not in shown
    assert LogInForm.model_validate_json(form.model_dump_json()) == form
    assert "a passphrase" in form.model_dump_json()
