"""The administrator with whom everything begins."""

from aiops_auth.domain import (
    SYSTEM,
    Account,
    InvalidInput,
    Role,
    new_account,
    parse_email,
    password_weakness,
    with_role,
)
from aiops_auth.service.accounts import save_role
from aiops_auth.service.means import Means
from aiops_auth.service.replies import user_changed
from aiops_common.logging import get_logger
from aiops_common.postgres import Connection

_log = get_logger(__name__)

_NAME = "Administrator"


class FirstAdminRefused(Exception):
    """The configured first administrator cannot be made; the message says which setting to change."""


async def ensure_first_admin(means: Means, email: str, password: str) -> None:
    """Make an administrator if there is none; with an administrator, whoever it is, do nothing.

    An account that has the address already is promoted if ``password`` is its password; otherwise whoever signed up
    first with the operator's address would become administrator.

    Raises:
        FirstAdminRefused: the address or password breaks a rule, or the address is somebody else's.
    """
    try:
        address = parse_email(email)
    except InvalidInput as error:
        raise FirstAdminRefused(f"AUTH_ADMIN_EMAIL: {error.message}") from None
    async with means.transactions() as connection:
        if await means.repository.count_admins(connection):
            return
        account = await means.repository.account_by_email(connection, address)
    if account is None:
        account = await _first_admin(means, address, password)
    elif not await means.passwords.verify(password, account.password_hash):
        raise FirstAdminRefused(
            "AUTH_ADMIN_EMAIL belongs to an account with another password than AUTH_ADMIN_PASSWORD: set the "
            "account's password, or another address"
        )
    async with means.transactions() as connection:
        await means.repository.lock_roles(connection)
        if await means.repository.count_admins(connection):
            return
        await _make_admin(means, connection, account)
        await means.events.record(connection, "account.first_admin", "OK", SYSTEM, account.id)
    _log.info("account.first_admin", account_id=account.id)


async def _first_admin(means: Means, email: str, password: str) -> Account:
    if weakness := password_weakness(password, email=email, display_name=_NAME):
        raise FirstAdminRefused(f"AUTH_ADMIN_PASSWORD: {weakness}")
    password_hash = await means.passwords.hash(password)
    return new_account(email, _NAME, Role.ADMIN, password_hash=password_hash, now=means.clock())


async def _make_admin(means: Means, connection: Connection, account: Account) -> None:
    known = await means.repository.account_by_email(connection, account.email)
    if known is not None and known.id == account.id:
        promoted = with_role(known, Role.ADMIN, expected_version=known.version, admins=0, now=means.clock())
        await save_role(means, connection, known, promoted, SYSTEM, None)
    elif await means.repository.add_account(connection, account):
        await means.publish(connection, [user_changed(account)])
    else:
        raise FirstAdminRefused("AUTH_ADMIN_EMAIL was taken by a sign-up just now: start again")
