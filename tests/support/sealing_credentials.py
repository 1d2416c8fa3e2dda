"""What a gateway does with credentials: encrypt them for auth, and read the answer."""

import base64
import os
from collections.abc import Mapping
from typing import TypeVar

from jose import jwe
from pydantic import SecretStr

from aiops_contracts.auth import AuthReply
from aiops_contracts.credentials import AnswerKey, LogInForm, LogOutForm, RefreshTokensForm, SignUpForm, Tokens

F = TypeVar("F", bound=AnswerKey)


def new_answer_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def seal(form: AnswerKey, jwk: Mapping[str, object]) -> str:
    return seal_bytes(form.model_dump_json().encode(), jwk)


def seal_bytes(plaintext: bytes, jwk: Mapping[str, object]) -> str:
    sealed: bytes = jwe.encrypt(
        plaintext, dict(jwk), algorithm="RSA-OAEP-256", encryption="A256GCM", kid=str(jwk["kid"])
    )
    return sealed.decode()


def sign_up_form(email: str, password: str, name: str = "Ada Lovelace") -> SignUpForm:
    return SignUpForm(email=email, password=SecretStr(password), display_name=name, answer_key=_secret())


def log_in_form(email: str, password: str) -> LogInForm:
    return LogInForm(email=email, password=SecretStr(password), answer_key=_secret())


def refresh_form(token: str) -> RefreshTokensForm:
    return RefreshTokensForm(refresh_token=SecretStr(token), answer_key=_secret())


def log_out_form(token: str) -> LogOutForm:
    return LogOutForm(refresh_token=SecretStr(token), answer_key=_secret())


def tokens_of(reply: AuthReply, form: AnswerKey) -> Tokens | None:
    """The tokens in the answer to ``form``, None where there are none."""
    if reply.sealed_tokens is None:
        return None
    opened = jwe.decrypt(reply.sealed_tokens, _content_key(form.answer_key))
    assert opened is not None, "the answer was sealed with another key than the form's"
    return Tokens.model_validate_json(opened)


def _secret() -> SecretStr:
    return SecretStr(new_answer_key())


def _content_key(answer_key: SecretStr) -> bytes:
    return base64.urlsafe_b64decode(answer_key.get_secret_value() + "=")
