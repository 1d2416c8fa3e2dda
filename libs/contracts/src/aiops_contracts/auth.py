"""Messages owned by auth."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from aiops_contracts.base import Event, Model, ReplayLimit, Request, Text, Timestamp
from aiops_contracts.credentials import Sealed


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
    signs_from: Timestamp | None = None
    """Nothing is signed with it before; None: from the start."""
    verifies_until: Timestamp | None = None
    """Nothing that it signed is believed afterwards; None: no end is known yet."""


class UserChanged(Event):
    """An account was made or changed."""

    message_type: ClassVar[str] = "auth.user_changed.v1"
    user: UserSnapshot


class SigningKeyPublished(Event):
    """Tokens may be signed with this key from now on."""

    message_type: ClassVar[str] = "auth.signing_key_published.v1"
    key: SigningKey


class ApiKeySnapshot(Model):
    """A machine's access at one version. ``digest`` is its secret's SHA-256 in hex: 256 random bits need no more."""

    id: UUID
    version: Annotated[int, Field(ge=1)]
    name: str
    role: Role
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created_by: UUID
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp | None = None
    revoked_at: Timestamp | None = None


class SecurityEvent(Model):
    """Something that happened to an account, a key or a session. ``details`` hold ids, numbers and codes only.

    ``actor`` is the principal that did it (``user:<uuid>``, ``key:<uuid>``, ``system``, ``anonymous``), ``subject`` the
    id of whom or what it was done to, ``address`` the network address that it came from.
    """

    id: UUID
    at: Timestamp
    action: Annotated[str, Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=100)]
    outcome: Annotated[str, Field(pattern=r"^[A-Z_]+$", max_length=50)]
    actor: str
    subject: UUID | None = None
    address: str | None = None
    trace_id: str | None = None
    details: dict[str, str | int | bool | None] = Field(default_factory=dict)


class UserRemoved(Event):
    """An account is gone, with its sessions; ``version`` is one above its last."""

    message_type: ClassVar[str] = "auth.user_removed.v1"
    user_id: UUID
    version: Annotated[int, Field(ge=2)]
    removed_at: Timestamp


class ApiKeyChanged(Event):
    """An API key was made or revoked."""

    message_type: ClassVar[str] = "auth.api_key_changed.v1"
    api_key: ApiKeySnapshot


class SecurityEventRecorded(Event):
    """Something was written into auth's audit log."""

    message_type: ClassVar[str] = "auth.security_event_recorded.v1"
    event: SecurityEvent


class CredentialRequest(Request):
    """``sealed`` holds a form as JSON, ``address`` the client's network address."""

    sealed: Sealed
    address: Text | None = None


class SignUp(CredentialRequest):
    """Make an account with role VIEWER and log it in. Repeated under the same id it answers for the same account."""

    message_type: ClassVar[str] = "auth.sign_up.v2"


class LogIn(CredentialRequest):
    """Exchange an e-mail address and a password for tokens."""

    message_type: ClassVar[str] = "auth.log_in.v2"


class RefreshTokens(CredentialRequest):
    """Exchange a refresh token for a new pair; the old one is spent."""

    message_type: ClassVar[str] = "auth.refresh_tokens.v2"


class LogOut(CredentialRequest):
    """Revoke a refresh token and all of its family."""

    message_type: ClassVar[str] = "auth.log_out.v2"


class SetUserRole(Request):
    """Give an account another role if it still is at ``expected_version``."""

    message_type: ClassVar[str] = "auth.set_user_role.v1"
    user_id: UUID
    role: Role
    expected_version: int
    changed_by: UUID
    address: Text | None = None


AuthOutcome = Literal[
    "OK", "EMAIL_TAKEN", "BAD_CREDENTIALS", "ACCOUNT_LOCKED", "WEAK_PASSWORD", "INVALID_INPUT", "NOT_FOUND",
    "VERSION_CONFLICT", "KEY_UNKNOWN", "FORBIDDEN",
]  # fmt: skip


class AuthReply(Model):
    """Answer to every decision about accounts and sessions: tokens and user where the outcome is OK, else why not.

    ``sealed_tokens`` is a JWE (``dir``, A256GCM) of ``Tokens`` under the answer key. KEY_UNKNOWN: ``sealed`` does not
    open; fetch the credential key again. FORBIDDEN: whoever asked is not ADMIN any more.
    """

    outcome: AuthOutcome
    message: str = ""
    field: str | None = None
    sealed_tokens: str | None = None
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


class RemoveUser(Request):
    """Remove an account if it still is at ``expected_version``."""

    message_type: ClassVar[str] = "auth.remove_user.v1"
    user_id: UUID
    expected_version: int
    removed_by: UUID
    address: Text | None = None


class GetCredentialKey(Request):
    """Ask for the public key to which credentials are encrypted."""

    message_type: ClassVar[str] = "auth.get_credential_key.v1"


class CredentialKey(Model):
    """Answer to GetCredentialKey: an RSA key as a JWK (RFC 7517) without private members, ``use`` is ``enc``."""

    jwk: dict[str, Any]


class CreateApiKey(Request):
    """Make an API key. ``sealed`` holds an ``AnswerKey``."""

    message_type: ClassVar[str] = "auth.create_api_key.v1"
    name: Text
    role: Role
    expires_at: Timestamp | None = None
    created_by: UUID
    sealed: Sealed
    address: Text | None = None


class RevokeApiKey(Request):
    """Revoke an API key if it still is at ``expected_version``."""

    message_type: ClassVar[str] = "auth.revoke_api_key.v1"
    api_key_id: UUID
    expected_version: int
    revoked_by: UUID
    address: Text | None = None


class ApiKeyReply(Model):
    """Answer to CreateApiKey and RevokeApiKey. ``sealed_secret`` is a JWE (``dir``, A256GCM) to the answer key.

    FORBIDDEN: whoever asked is not ADMIN any more.
    """

    outcome: Literal["OK", "INVALID_INPUT", "NOT_FOUND", "VERSION_CONFLICT", "KEY_UNKNOWN", "FORBIDDEN"]
    message: str = ""
    field: str | None = None
    api_key: ApiKeySnapshot | None = None
    sealed_secret: str | None = None


class ReplayApiKeys(Request):
    """Ask for API keys as they are now, in the order of their ids; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "auth.replay_api_keys.v1"
    after: UUID | None = None
    limit: ReplayLimit


class ReplayedApiKeys(Model):
    """Answer to ReplayApiKeys: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[ApiKeySnapshot, ...]
    next_after: UUID | None = None
