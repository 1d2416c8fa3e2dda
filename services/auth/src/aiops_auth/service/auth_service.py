"""Use cases of auth: load, decide, save and publish, each decision in one transaction.

Hashing takes a tenth of a second and much memory, so it always happens before a transaction, never inside one.
Logs tell why something was refused, by ids only.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from aiops_auth.domain import (
    FORGOTTEN_AFTER,
    Account,
    InvalidInput,
    RefreshVerdict,
    Role,
    VersionConflict,
    judge_refresh,
    locked_until,
    new_account,
    parse_display_name,
    parse_email,
    password_weakness,
    with_role,
)
from aiops_auth.passwords import Passwords
from aiops_auth.repository import Repository
from aiops_auth.service.replies import (
    accepted,
    bad_credentials,
    bad_refresh_token,
    public_key,
    refused,
    user_changed,
)
from aiops_auth.service.sessions import Sessions
from aiops_auth.tokens import TokenIssuer, refresh_token_digest
from aiops_common.logging import get_logger
from aiops_common.postgres import Connection
from aiops_contracts.auth import (
    AuthReply,
    LogIn,
    LogOut,
    RefreshTokens,
    SetUserRole,
    SigningKeyPublished,
    SignUp,
)
from aiops_contracts.base import Event

_log = get_logger(__name__)

Transactions = Callable[[], AbstractAsyncContextManager[Connection]]
Publish = Callable[[Connection, Sequence[tuple[Event, UUID]]], Awaitable[None]]
"""Adds events, each with the id of what it is about, to the outbox within the connection's transaction."""


_FIRST_ADMIN_NAME = "Administrator"


class FirstAdminRefused(Exception):
    """The configured first administrator cannot be made; the message says which setting to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthService:
    """Answers the requests of auth; ``clock`` tells aware UTC times."""

    transactions: Transactions
    repository: Repository
    publish: Publish
    passwords: Passwords
    tokens: TokenIssuer
    clock: Callable[[], datetime]

    @property
    def _sessions(self) -> Sessions:
        return Sessions(self.repository, self.tokens)

    async def sign_up(self, request: SignUp) -> AuthReply:
        """Make an account with role VIEWER and log it in: OK, INVALID_INPUT, WEAK_PASSWORD or EMAIL_TAKEN."""
        password = request.password.get_secret_value()
        try:
            email, display_name = parse_email(request.email), parse_display_name(request.display_name)
        except InvalidInput as error:
            return refused("INVALID_INPUT", error.message, error.field)
        if weakness := password_weakness(password, email=email, display_name=display_name):
            return refused("WEAK_PASSWORD", weakness, "password")
        account = await self._new_account(email, password, display_name, Role.VIEWER)
        async with self.transactions() as connection:
            if not await self.repository.add_account(connection, account):
                return refused("EMAIL_TAKEN", "There is already an account with this e-mail address.", "email")
            await self.publish(connection, [user_changed(account)])
            tokens = await self._sessions.start(connection, account, self.clock())
        _log.info("account.created", account_id=str(account.id))
        return accepted(account, tokens)

    async def log_in(self, request: LogIn) -> AuthReply:
        """Exchange a password for tokens: OK, BAD_CREDENTIALS or ACCOUNT_LOCKED.

        An address without an account gets the same answers, after the same work, as one whose password is wrong: the
        same hash is computed, the same rows are read and written, and it is locked after as many failures.
        """
        try:
            email = parse_email(request.email)
        except InvalidInput:
            return bad_credentials()
        password = request.password.get_secret_value()
        digest = hashlib.sha256(email.encode()).digest()
        async with self.passwords.turn():
            async with self.transactions() as connection:
                failures = await self.repository.login_failures(connection, digest)
                account = await self.repository.account_by_email(connection, email)
            if seconds := failures.seconds_locked(self.clock()):
                return refused("ACCOUNT_LOCKED", f"Too many failed attempts; try again in {seconds} seconds.")
            matches = await self.passwords.verify(password, account.password_hash if account else None)
            if account is None or not matches:
                await self._count_failure(digest)
                return bad_credentials()
            outdated = self.passwords.outdated(account.password_hash)
            new_hash = await self.passwords.hash(password) if outdated else None
        async with self.transactions() as connection:
            await self.repository.clear_login_failures(connection, digest)
            if new_hash is not None:
                await self.repository.save_password_hash(
                    connection, account.id, old=account.password_hash, new=new_hash
                )
            tokens = await self._sessions.start(connection, account, self.clock())
        return accepted(account, tokens)

    async def refresh(self, request: RefreshTokens) -> AuthReply:
        """Spend a refresh token and give its only child: OK or BAD_CREDENTIALS.

        A token that was spent before the request arrived revokes its family (RFC 9700, 4.14.2).
        """
        arrived_at = self.clock()
        digest = refresh_token_digest(request.refresh_token.get_secret_value())
        if digest is None:
            return bad_refresh_token()
        async with self.transactions() as connection:
            token = await self.repository.lock_refresh_token(connection, digest)
            if token is None:
                return bad_refresh_token()
            now = self.clock()
            verdict = judge_refresh(token, arrived_at=arrived_at, now=now)
            if verdict is RefreshVerdict.REUSED:
                await self.repository.revoke_family(connection, token.family_id, now)
            account = await self.repository.account_by_id(connection, token.account_id)
            if verdict is not RefreshVerdict.LIVE or account is None:
                _log.warning(
                    "refresh.refused",
                    verdict=verdict.value,
                    account_id=str(token.account_id),
                    family_id=str(token.family_id),
                )
                return bad_refresh_token()
            return accepted(account, await self._sessions.rotate(connection, account, token, now))

    async def log_out(self, request: LogOut) -> AuthReply:
        """Revoke the token's family. Always OK, whatever the token is (RFC 7009, 2.2): it is of no use afterwards."""
        digest = refresh_token_digest(request.refresh_token.get_secret_value())
        if digest is not None:
            async with self.transactions() as connection:
                token = await self.repository.lock_refresh_token(connection, digest)
                if token is not None:
                    await self.repository.revoke_family(connection, token.family_id, self.clock())
        return AuthReply(outcome="OK")

    async def set_user_role(self, request: SetUserRole) -> AuthReply:
        """Give an account another role: OK, NOT_FOUND, VERSION_CONFLICT (with the present user) or INVALID_INPUT.

        The same role again is OK and changes nothing. The last administrator keeps the role.
        """
        async with self.transactions() as connection:
            await self.repository.lock_roles(connection)
            account = await self.repository.account_by_id(connection, request.user_id)
            if account is None:
                return refused("NOT_FOUND", "There is no such account.", "user_id")
            try:
                changed = await self._change_role(connection, account, Role(request.role), request.expected_version)
            except VersionConflict as conflict:
                return refused("VERSION_CONFLICT", str(conflict), "expected_version", account)
            except InvalidInput as error:
                return refused("INVALID_INPUT", error.message, error.field, account)
        _log.info(
            "account.role_changed",
            account_id=str(changed.id),
            role=changed.role.value,
            version=changed.version,
            changed_by=str(request.changed_by),
        )
        return accepted(changed)

    async def ensure_first_admin(self, email: str, password: str) -> None:
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
        async with self.transactions() as connection:
            if await self.repository.count_admins(connection):
                return
            account = await self.repository.account_by_email(connection, address)
        if account is None:
            account = await self._first_admin(address, password)
        elif not await self.passwords.verify(password, account.password_hash):
            raise FirstAdminRefused(
                "AUTH_ADMIN_EMAIL belongs to an account with another password than AUTH_ADMIN_PASSWORD: set the "
                "account's password, or another address"
            )
        async with self.transactions() as connection:
            await self.repository.lock_roles(connection)
            if await self.repository.count_admins(connection):
                return
            await self._make_admin(connection, account)
        _log.info("account.first_admin", account_id=str(account.id))

    async def ensure_signing_key(self) -> None:
        """Make and announce a signing key if there is none; otherwise make sure that it opens.

        Raises:
            aiops_auth.tokens.SigningKeyUnreadable: the stored key was sealed with another master key.
        """
        async with self.transactions() as connection:
            await self.repository.lock_signing_keys(connection)
            key = await self.repository.newest_signing_key(connection)
            if key is not None:
                self.tokens.open_key(key)
                return
            key = self.tokens.new_signing_key(self.clock())
            await self.repository.add_signing_key(connection, key)
            await self.publish(connection, [(SigningKeyPublished(key=public_key(key)), UUID(key.kid))])
        _log.info("signing_key.created", kid=key.kid)

    async def _make_admin(self, connection: Connection, account: Account) -> None:
        known = await self.repository.account_by_email(connection, account.email)
        if known is not None and known.id == account.id:
            await self._change_role(connection, known, Role.ADMIN, known.version)
        elif await self.repository.add_account(connection, account):
            await self.publish(connection, [user_changed(account)])
        else:
            raise FirstAdminRefused("AUTH_ADMIN_EMAIL was taken by a sign-up just now: start again")

    async def _first_admin(self, email: str, password: str) -> Account:
        if weakness := password_weakness(password, email=email, display_name=_FIRST_ADMIN_NAME):
            raise FirstAdminRefused(f"AUTH_ADMIN_PASSWORD: {weakness}")
        return await self._new_account(email, password, _FIRST_ADMIN_NAME, Role.ADMIN)

    async def _new_account(self, email: str, password: str, display_name: str, role: Role) -> Account:
        password_hash = await self.passwords.hash(password)
        return new_account(email, display_name, role, password_hash=password_hash, now=self.clock())

    async def _change_role(
        self, connection: Connection, account: Account, role: Role, expected_version: int
    ) -> Account:
        admins = await self.repository.count_admins(connection)
        changed = with_role(account, role, expected_version=expected_version, admins=admins, now=self.clock())
        if changed is not account:
            await self.repository.save_role(connection, changed)
            await self.publish(connection, [user_changed(changed)])
        return changed

    async def _count_failure(self, email_digest: bytes) -> None:
        async with self.transactions() as connection:
            now = self.clock()
            failures = await self.repository.count_login_failure(
                connection, email_digest, now=now, forget_before=now - FORGOTTEN_AFTER
            )
            if until := locked_until(failures, now):
                await self.repository.lock_log_in(connection, email_digest, until)
