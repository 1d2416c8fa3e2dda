"""Answers to requests. Those to log-in and refresh never tell more than that it did not work."""

from uuid import UUID

from aiops_auth.domain import Account
from aiops_contracts.auth import AuthOutcome, AuthReply, Tokens, UserChanged, UserSnapshot
from aiops_contracts.base import Event


def user_changed(account: Account) -> tuple[Event, UUID]:
    """The event that tells of ``account`` as it is now, and its subject."""
    return UserChanged(user=UserSnapshot.model_validate(account)), account.id


def accepted(account: Account, tokens: Tokens | None = None) -> AuthReply:
    """Outcome OK."""
    return AuthReply(outcome="OK", tokens=tokens, user=UserSnapshot.model_validate(account))


def refused(outcome: AuthOutcome, message: str, field: str | None = None, account: Account | None = None) -> AuthReply:
    """Another outcome; ``field`` is the request's field name, ``account`` the one that stood in the way."""
    user = UserSnapshot.model_validate(account) if account else None
    return AuthReply(outcome=outcome, message=message, field=field, user=user)


def bad_credentials() -> AuthReply:
    """The answer to every failed log-in."""
    return refused("BAD_CREDENTIALS", "The e-mail address or the password is wrong.")


def bad_refresh_token() -> AuthReply:
    """The answer to every failed refresh."""
    return refused("BAD_CREDENTIALS", "The refresh token is not valid any more; log in again.")
