"""Messages owned by auth."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, field_serializer

from aiops_contracts.base import Event, Model, ReplayLimit, Request, Text, Timestamp


def _encodable(value: SecretStr) -> SecretStr:
    try:
        value.get_secret_value().encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain lone surrogates (U+D800 to U+DFFF)") from None
    return value


Secret = Annotated[SecretStr, AfterValidator(_encodable)]
"""A secret that UTF-8 can hold; shown as asterisks wherever it is printed."""


class Role(StrEnum):
    """What an account may do; a new sign-up is VIEWER."""

    ADMIN = "ADMIN"
    OPS = "OPS"
    HR = "HR"
    VIEWER = "VIEWER"


class UserSnapshot(Model):
    """An account at one version."""

    id: UUID
    version: Annotated[int, Field(ge=1)]
    email: str
    display_name: str
    role: Role
    created_at: Timestamp
    updated_at: Timestamp


class SigningKey(Model):
    """A public key that verifies access tokens: a JWK (RFC 7517) without private members."""

    kid: str
    jwk: dict[str, Any]
    created_at: Timestamp


class UserChanged(Event):
    """An account was made or changed."""

    message_type: ClassVar[str] = "auth.user_changed.v1"
    user: UserSnapshot


class SigningKeyPublished(Event):
    """Tokens may be signed with this key from now on."""

    message_type: ClassVar[str] = "auth.signing_key_published.v1"
    key: SigningKey


class SignUp(Request):
    """Make an account with role VIEWER and log it in."""

    message_type: ClassVar[str] = "auth.sign_up.v1"
    email: Text
    password: Secret
    display_name: Text

    @field_serializer("password", when_used="json")
    def _reveal(self, password: SecretStr) -> str:
        return password.get_secret_value()


class LogIn(Request):
    """Exchange an e-mail address and a password for tokens."""

    message_type: ClassVar[str] = "auth.log_in.v1"
    email: Text
    password: Secret

    @field_serializer("password", when_used="json")
    def _reveal(self, password: SecretStr) -> str:
        return password.get_secret_value()


class RefreshTokens(Request):
    """Exchange a refresh token for a new pair; the old one is spent."""

    message_type: ClassVar[str] = "auth.refresh_tokens.v1"
    refresh_token: Secret

    @field_serializer("refresh_token", when_used="json")
    def _reveal(self, token: SecretStr) -> str:
        return token.get_secret_value()


class LogOut(Request):
    """Revoke a refresh token and all of its family."""

    message_type: ClassVar[str] = "auth.log_out.v1"
    refresh_token: Secret

    @field_serializer("refresh_token", when_used="json")
    def _reveal(self, token: SecretStr) -> str:
        return token.get_secret_value()


class SetUserRole(Request):
    """Give an account another role if it still is at ``expected_version``."""

    message_type: ClassVar[str] = "auth.set_user_role.v1"
    user_id: UUID
    role: Role
    expected_version: int
    changed_by: UUID


class Tokens(Model):
    """An access token (JWT) and an opaque refresh token; ``expires_at`` is the access token's."""

    access_token: str
    refresh_token: str
    expires_at: Timestamp


AuthOutcome = Literal[
    "OK", "EMAIL_TAKEN", "BAD_CREDENTIALS", "ACCOUNT_LOCKED", "WEAK_PASSWORD", "INVALID_INPUT", "NOT_FOUND",
    "VERSION_CONFLICT",
]  # fmt: skip


class AuthReply(Model):
    """Answer to every request of auth: tokens and user where the outcome is OK, else why not."""

    outcome: AuthOutcome
    message: str = ""
    field: str | None = None
    tokens: Tokens | None = None
    user: UserSnapshot | None = None


class ReplayUsers(Request):
    """Ask for accounts as they are now, in the order of their ids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "auth.replay_users.v1"
    after: UUID | None = None
    limit: ReplayLimit


class ReplayedUsers(Model):
    """Answer to ReplayUsers: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[UserSnapshot, ...]
    next_after: UUID | None = None


class ReplaySigningKeys(Request):
    """Ask for the public signing keys, in the order of their kids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "auth.replay_signing_keys.v1"
    after: Text | None = None
    limit: ReplayLimit


class ReplayedSigningKeys(Model):
    """Answer to ReplaySigningKeys: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[SigningKey, ...]
    next_after: Text | None = None
