"""Exchanging an e-mail address and a password for tokens."""

from uuid import UUID

from aiops_auth.domain import (
    ANONYMOUS,
    FORGOTTEN_AFTER,
    THRESHOLD,
    THRESHOLD_EVERYWHERE,
    Account,
    InvalidInput,
    counted_under,
    locked_until,
    parse_email,
    user_principal,
)
from aiops_auth.metrics import FAILED, OVERLOADED, count_sign_in
from aiops_auth.passwords import TooManyWaiting
from aiops_auth.service.means import Means
from aiops_auth.service.replies import accepted, bad_credentials, locked
from aiops_auth.service.sealed_requests import opened
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Connection
from aiops_contracts.auth import AuthReply, LogIn
from aiops_contracts.credentials import AnswerKey, LogInForm

_log = get_logger(__name__)

_ACTION = "session.logged_in"


async def log_in(means: Means, delivery: Delivery[LogIn]) -> AuthReply:
    """OK, BAD_CREDENTIALS, ACCOUNT_LOCKED, INVALID_INPUT or KEY_UNKNOWN.

    Raises:
        TooManyWaiting: too many passwords wait to be hashed already.
    """
    outcome = FAILED
    try:
        reply = await _log_in(means, delivery)
        outcome = reply.outcome
    except TooManyWaiting:
        outcome = OVERLOADED
        raise
    finally:
        count_sign_in(outcome)
    if reply.user is not None:
        _log.info("sign_in.accepted", account_id=reply.user.id)
    else:
        # Whose it was to be stands in the audit log only, also where there is such an account.
        _log.warning("sign_in.refused", outcome=outcome)
    return reply


async def _log_in(means: Means, delivery: Delivery[LogIn]) -> AuthReply:
    address = delivery.message.address

    async def decide(form: LogInForm) -> AuthReply:
        try:
            email = parse_email(form.email)
        except InvalidInput:
            # It can be nobody's, so there is nothing to hide and nobody to tell of.
            return bad_credentials()
        verified = await verify(means, email, form.password.get_secret_value(), address)
        if isinstance(verified, AuthReply):
            return verified
        return await start_session(means, verified, form, address)

    async with means.passwords.turn():
        return await opened(means, delivery.message.sealed, LogInForm, decide)


async def verify(means: Means, email: str, password: str, address: str | None) -> Account | AuthReply:
    """The account, with a new hash where its own is outdated; BAD_CREDENTIALS or ACCOUNT_LOCKED. Within a turn.

    An address without an account gets the same answers, after the same work, as one whose password is wrong: the same
    hash is computed, the same statements are run, and it is locked after as many failures.
    """
    here, everywhere = counted_under(email, address)
    async with means.transactions() as connection:
        failures = [await means.repository.login_failures(connection, digest) for digest in (here, everywhere)]
        account = await means.repository.account_by_email(connection, email)
        subject = account.id if account else None
        now = means.clock()
        if seconds := max(counted.seconds_locked(now) for counted in failures):
            await means.events.once_a_minute(everywhere.hex()).record(
                connection, _ACTION, "ACCOUNT_LOCKED", ANONYMOUS, subject, address, locked_seconds=seconds
            )
            return locked(seconds)
    matches = await means.passwords.verify(password, account.password_hash if account else None)
    if account is None or not matches:
        await _count_failure(means, email, subject, address)
        return bad_credentials()
    new_hash = await means.passwords.hash(password) if means.passwords.outdated(account.password_hash) else None
    async with means.transactions() as connection:
        for digest in (here, everywhere):
            await means.repository.clear_login_failures(connection, digest)
        if new_hash is not None:
            await _rehash(means, connection, account, new_hash, address)
    return account


async def start_session(
    means: Means, verified: Account, form: AnswerKey, address: str | None, **details: bool
) -> AuthReply:
    """Tokens of a new session for an account whose password was verified just now; as it is by now, if it still is."""
    async with means.transactions() as connection:
        account = await means.repository.hold_account(connection, verified.id)
        if account is None:
            return bad_credentials()
        tokens = await means.sessions.start(connection, account, means.clock())
        await means.events.record(connection, _ACTION, "OK", user_principal(account.id), account.id, address, **details)
    return accepted(account, means.credentials.seal(tokens, form))


async def _count_failure(means: Means, email: str, subject: UUID | None, address: str | None) -> None:
    here, everywhere = counted_under(email, address)
    async with means.transactions() as connection:
        failures = await _counted(means, connection, here, THRESHOLD)
        # Beyond its threshold a network locks itself only: who guesses on for hours must not lock out the owner.
        if failures <= THRESHOLD:
            await _counted(means, connection, everywhere, THRESHOLD_EVERYWHERE)
        await means.events.record(
            connection, _ACTION, "BAD_CREDENTIALS", ANONYMOUS, subject, address, failures=failures
        )


async def _counted(means: Means, connection: Connection, digest: bytes, threshold: int) -> int:
    now = means.clock()
    failures = await means.repository.count_login_failure(
        connection, digest, now=now, forget_before=now - FORGOTTEN_AFTER
    )
    if until := locked_until(failures, now, threshold=threshold):
        await means.repository.lock_log_in(connection, digest, until)
    return failures


async def _rehash(means: Means, connection: Connection, account: Account, new: str, address: str | None) -> None:
    if await means.repository.save_password_hash(connection, account.id, old=account.password_hash, new=new):
        await means.events.record(
            connection, "account.password_rehashed", "OK", user_principal(account.id), account.id, address
        )
