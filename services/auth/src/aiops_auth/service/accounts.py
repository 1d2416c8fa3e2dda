"""What administrators do to accounts, as long as they are administrators."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from aiops_auth.domain import Account, InvalidInput, Role, VersionConflict, check_removal, with_role
from aiops_auth.service.actors import NOT_ADMIN, is_admin
from aiops_auth.service.means import Means
from aiops_auth.service.replies import accepted, key_reused, refused, user_changed, user_removed
from aiops_common.logging import get_logger
from aiops_common.messaging import inbox
from aiops_common.messaging.message import Delivery, Poison
from aiops_common.postgres import Connection
from aiops_contracts.auth import AuthReply, RemoveUser, SetUserRole

_log = get_logger(__name__)

Change = Callable[[Connection, Account, int], Awaitable[Account | None]]
"""Changes an account, told how many administrators there are; returns what is left of it."""


async def set_user_role(means: Means, delivery: Delivery[SetUserRole]) -> AuthReply:
    """Give an account another role: OK, NOT_FOUND, VERSION_CONFLICT (with the present user), INVALID_INPUT, FORBIDDEN.

    The same role again is OK and changes nothing, and so is the same message. The last administrator keeps the role.
    """
    request = delivery.message

    async def change(connection: Connection, account: Account, admins: int) -> Account:
        role = Role(request.role)
        changed = with_role(account, role, expected_version=request.expected_version, admins=admins, now=means.clock())
        if changed is not account:
            await save_role(means, connection, account, changed, delivery.principal, request.address)
        return changed

    return await _changed_once(means, delivery, change)


async def remove_user(means: Means, delivery: Delivery[RemoveUser]) -> AuthReply:
    """Remove an account with its sessions: OK, NOT_FOUND, VERSION_CONFLICT (with the present user), INVALID_INPUT,
    FORBIDDEN.

    The same message again is OK. The last administrator stays. The address is free for a new account.
    """
    request = delivery.message

    async def change(connection: Connection, account: Account, admins: int) -> None:
        check_removal(account, expected_version=request.expected_version, admins=admins)
        await means.repository.delete_account(connection, account.id)
        await means.publish(connection, [user_removed(account, means.clock())])
        await means.events.record(
            connection,
            "account.removed",
            "OK",
            delivery.principal,
            account.id,
            request.address,
            role=account.role.value,
            version=account.version + 1,
        )

    return await _changed_once(means, delivery, change)


async def save_role(
    means: Means, connection: Connection, before: Account, after: Account, actor: str, address: str | None
) -> None:
    """Store, announce and record that an account has another role; under ``lock_roles``."""
    await means.repository.save_role(connection, after)
    await means.publish(connection, [user_changed(after)])
    await means.events.record(
        connection,
        "account.role_changed",
        "OK",
        actor,
        after.id,
        address,
        before=before.role.value,
        after=after.role.value,
        version=after.version,
    )


async def _changed_once(
    means: Means, delivery: Delivery[SetUserRole] | Delivery[RemoveUser], change: Change
) -> AuthReply:
    request = delivery.message
    async with means.transactions() as connection:
        # Under this lock, so that a repetition sees what the first one has done, and a demotion is not overtaken.
        await means.repository.lock_roles(connection)
        reply = await _decided(means, connection, delivery, change)
        if reply.outcome != "OK":
            await _record_refusal(means, connection, delivery, reply.outcome)
    _log.info(
        "account.change_decided",
        account_id=request.user_id,
        change=request.message_type,
        outcome=reply.outcome,
        by=delivery.principal,
    )
    return reply


async def _decided(
    means: Means, connection: Connection, delivery: Delivery[SetUserRole] | Delivery[RemoveUser], change: Change
) -> AuthReply:
    request = delivery.message
    told_apart = replace(delivery, digest=_digest(request))
    account = await means.repository.account_by_id(connection, request.user_id)
    try:
        is_done = await inbox.is_done(connection, told_apart)
    except Poison:
        return key_reused()
    if is_done and (account is not None or isinstance(request, RemoveUser)):
        return accepted(account)
    if not await is_admin(means.repository, connection, _actor(request)):
        return refused("FORBIDDEN", NOT_ADMIN)
    if account is None:
        return refused("NOT_FOUND", "There is no such account.", "user_id")
    reply = await _changed(means, connection, account, change)
    if reply.outcome == "OK":
        await inbox.claim(connection, delivery.id, request.message_type, told_apart.digest)
    return reply


async def _changed(means: Means, connection: Connection, account: Account, change: Change) -> AuthReply:
    try:
        return accepted(await change(connection, account, await means.repository.count_admins(connection)))
    except VersionConflict as conflict:
        return refused("VERSION_CONFLICT", str(conflict), "expected_version", account)
    except InvalidInput as error:
        return refused("INVALID_INPUT", error.message, error.field, account)


async def _record_refusal(
    means: Means, connection: Connection, delivery: Delivery[SetUserRole] | Delivery[RemoveUser], outcome: str
) -> None:
    request = delivery.message
    await means.events.record(
        connection,
        "account.role_changed" if isinstance(request, SetUserRole) else "account.removed",
        outcome,
        delivery.principal,
        request.user_id,
        request.address,
        expected_version=request.expected_version,
    )


def _actor(request: SetUserRole | RemoveUser) -> UUID:
    return request.changed_by if isinstance(request, SetUserRole) else request.removed_by


def _digest(request: SetUserRole | RemoveUser) -> bytes:
    # Whoever repeats a request may have moved to another network meanwhile.
    said = request.model_dump_json(exclude={"address"})
    return hashlib.sha256(f"{request.message_type} {said}".encode()).digest()
