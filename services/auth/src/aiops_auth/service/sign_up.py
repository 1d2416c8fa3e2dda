"""Making an account."""

from aiops_auth.domain import (
    ANONYMOUS,
    Account,
    InvalidInput,
    Role,
    counted_under,
    new_account,
    parse_display_name,
    parse_email,
    password_weakness,
    user_principal,
)
from aiops_auth.service.log_in import start_session, verify
from aiops_auth.service.means import Means
from aiops_auth.service.replies import accepted, key_reused, refused, user_changed
from aiops_auth.service.sealed_requests import opened
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Delivery
from aiops_contracts.auth import AuthReply, SignUp
from aiops_contracts.credentials import SignUpForm

_log = get_logger(__name__)


async def sign_up(means: Means, delivery: Delivery[SignUp]) -> AuthReply:
    """OK, INVALID_INPUT, WEAK_PASSWORD, EMAIL_TAKEN, ACCOUNT_LOCKED or KEY_UNKNOWN.

    Makes an account with role VIEWER and logs it in. A message that was heard before logs in to the account that it
    made, with the same password and no other.

    Raises:
        TooManyWaiting: too many passwords wait to be hashed already.
    """

    async def decide(form: SignUpForm) -> AuthReply:
        try:
            email, display_name = parse_email(form.email), parse_display_name(form.display_name)
        except InvalidInput as error:
            return refused("INVALID_INPUT", error.message, error.field)
        password = form.password.get_secret_value()
        if weakness := password_weakness(password, email=email, display_name=display_name):
            return refused("WEAK_PASSWORD", weakness, "password")
        known = await _made_by(means, delivery)
        if known is None:
            password_hash = await means.passwords.hash(password)
            account = new_account(email, display_name, Role.VIEWER, password_hash=password_hash, now=means.clock())
            if reply := await _make(means, delivery, account, form):
                return reply
            known = await _made_by(means, delivery)
        return await _repeated(means, delivery, known, email, form)

    async with means.passwords.turn():
        reply = await opened(means, delivery.message.sealed, SignUpForm, decide)
    if reply.user is None:
        _log.info("sign_up.refused", outcome=reply.outcome)
    return reply


async def _made_by(means: Means, delivery: Delivery[SignUp]) -> Account | None:
    async with means.transactions() as connection:
        return await means.repository.account_by_sign_up(connection, delivery.id)


async def _make(means: Means, delivery: Delivery[SignUp], account: Account, form: SignUpForm) -> AuthReply | None:
    """OK; None where the address is taken or the message has made an account."""
    address = delivery.message.address
    async with means.transactions() as connection:
        if not await means.repository.add_account(connection, account, sign_up_id=delivery.id):
            return None
        await means.publish(connection, [user_changed(account)])
        tokens = await means.sessions.start(connection, account, means.clock())
        await means.events.record(
            connection, "account.signed_up", "OK", user_principal(account.id), account.id, address
        )
    _log.info("account.created", account_id=account.id)
    return accepted(account, means.credentials.seal(tokens, form))


async def _repeated(
    means: Means, delivery: Delivery[SignUp], known: Account | None, email: str, form: SignUpForm
) -> AuthReply:
    address = delivery.message.address
    if known is not None and known.email != email:
        return key_reused()
    if known is not None:
        # As a log-in, because it is one: whoever guesses the id of the message must not find out the password.
        verified = await verify(means, email, form.password.get_secret_value(), address)
        if isinstance(verified, Account):
            _log.info("sign_up.repeated", account_id=verified.id)
            return await start_session(means, verified, form, address, repeated_sign_up=True)
        if verified.outcome == "ACCOUNT_LOCKED":
            return verified
    _, digest = counted_under(email, address)
    async with means.transactions() as connection:
        events = means.events.once_a_minute(digest.hex())
        await events.record(connection, "account.signed_up", "EMAIL_TAKEN", ANONYMOUS, None, address)
    return refused("EMAIL_TAKEN", "There is already an account with this e-mail address.", "email")
