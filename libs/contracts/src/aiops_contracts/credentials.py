"""Secrets of people and machines: what crosses the broker only as ciphertext, from the gateway to auth and back.

A request carries a form encrypted to auth's credential key; the form carries the key to which the answer is encrypted.
"""

from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, SecretStr

from aiops_contracts.base import Model, Text, Timestamp


def _encodable(value: SecretStr) -> SecretStr:
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain lone surrogates (U+D800 to U+DFFF)") from None
    return value


Secret = Annotated[SecretStr, AfterValidator(_encodable), PlainSerializer(SecretStr.get_secret_value, when_used="json")]
"""A secret that UTF-8 can hold; shown as asterisks wherever it is printed, and as it is in JSON."""

Sealed = Annotated[Text, Field(max_length=8192)]
"""A JWE in compact form (RFC 7516; RSA-OAEP-256, A256GCM) to the credential key of auth that its ``kid`` names."""


class AnswerKey(Model):
    """``answer_key``: base64url of 32 random bytes made for one request, whose answer is encrypted with them."""

    answer_key: Secret


class SignUpForm(AnswerKey):
    """What a SignUp carries sealed."""

    email: Text
    password: Secret
    display_name: Text


class LogInForm(AnswerKey):
    """What a LogIn carries sealed."""

    email: Text
    password: Secret


class RefreshTokensForm(AnswerKey):
    """What a RefreshTokens carries sealed."""

    refresh_token: Secret


class LogOutForm(AnswerKey):
    """What a LogOut carries sealed."""

    refresh_token: Secret


class Tokens(Model):
    """An access token (JWT) and an opaque refresh token; ``expires_at`` is the access token's."""

    access_token: Secret
    refresh_token: Secret
    expires_at: Timestamp
