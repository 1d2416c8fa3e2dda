"""Answers to requests. Those to log-in and refresh never tell more than that it did not work."""

from uuid import UUID

from aiops_auth.domain import Account, StoredSigningKey
from aiops_contracts.auth import AuthOutcome, AuthReply, SigningKey, Tokens, UserChanged, UserSnapshot
from aiops_contracts.base import Event


def user(account: Account) -> UserSnapshot:
    """What others may know of an account."""
    return UserSnapshot.model_validate(account)


def public_key(key: StoredSigningKey) -> SigningKey:
    """What others may know of a signing key."""
    return SigningKey(kid=key.kid, jwk=dict(key.jwk), created_at=key.created_at)


def user_changed(account: Account) -> tuple[Event, UUID]:
    """The event that tells of ``account`` as it is now, and its subject."""
    return UserChanged(user=user(account)), account.id


def accepted(account: Account, tokens: Tokens | None = None) -> AuthReply:
    """Outcome OK."""
    return AuthReply(outcome="OK", tokens=tokens, user=user(account))


def refused(outcome: AuthOutcome, message: str, field: str | None = None, account: Account | None = None) -> AuthReply:
    """Another outcome; ``field`` is the request's field name, ``account`` the one that stood in the way."""
    known = user(account) if account else None
    return AuthReply(outcome=outcome, message=message, field=field, user=known)


def bad_credentials() -> AuthReply:
    """The answer to every failed log-in."""
    return refused("BAD_CREDENTIALS", "The e-mail address or the password is wrong.")


def bad_refresh_token() -> AuthReply:
    """The answer to every failed refresh."""
    return refused("BAD_CREDENTIALS", "The refresh token is not valid any more; log in again.")
