"""Answers to requests. Those to log-in and refresh never tell more than that it did not work."""

from datetime import datetime
from uuid import UUID

from aiops_auth.domain import Account, StoredSigningKey
from aiops_contracts.auth import AuthOutcome, AuthReply, SigningKey, UserChanged, UserRemoved, UserSnapshot
from aiops_contracts.base import Event


def user(account: Account) -> UserSnapshot:
    """What others may know of an account."""
    return UserSnapshot.model_validate(account)


def public_key(key: StoredSigningKey) -> SigningKey:
    """What others may know of a signing key."""
    return SigningKey(
        kid=key.kid,
        jwk=dict(key.jwk),
        created_at=key.created_at,
        signs_from=key.signs_from,
        verifies_until=key.verifies_until,
    )


def user_changed(account: Account) -> tuple[Event, UUID]:
    """The event that tells of ``account`` as it is now, and its subject."""
    return UserChanged(user=user(account)), account.id


def user_removed(account: Account, now: datetime) -> tuple[Event, UUID]:
    """The event that tells that ``account`` is gone, and its subject."""
    return UserRemoved(user_id=account.id, version=account.version + 1, removed_at=now), account.id


def accepted(account: Account | None, sealed_tokens: str | None = None) -> AuthReply:
    """Outcome OK, with what is there of the account."""
    return AuthReply(outcome="OK", sealed_tokens=sealed_tokens, user=user(account) if account else None)


def refused(outcome: AuthOutcome, message: str, field: str | None = None, account: Account | None = None) -> AuthReply:
    """Another outcome; ``field`` is the request's field name, ``account`` the one that stood in the way."""
    known = user(account) if account else None
    return AuthReply(outcome=outcome, message=message, field=field, user=known)


def bad_credentials() -> AuthReply:
    """The answer to every failed log-in."""
    return refused("BAD_CREDENTIALS", "The e-mail address or the password is wrong.")


def locked(seconds: int) -> AuthReply:
    """The answer to a log-in while the address is locked."""
    return refused("ACCOUNT_LOCKED", f"Too many failed attempts; try again in {seconds} seconds.")


def key_reused() -> AuthReply:
    """The answer to a request under the id of another one."""
    return refused(
        "INVALID_INPUT", "This idempotency key was used for another request; use a new one.", "idempotency_key"
    )


def bad_refresh_token() -> AuthReply:
    """The answer to every failed refresh."""
    return refused("BAD_CREDENTIALS", "The refresh token is not valid any more; log in again.")
