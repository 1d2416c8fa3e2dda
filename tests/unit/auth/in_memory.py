"""The repository of auth in dictionaries: the same rules as the tables, one transaction at a time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from aiops_auth.domain import (
    Account,
    LoginFailures,
    RefreshToken,
    Role,
    SecurityEvent,
    StoredCredentialKey,
    StoredSigningKey,
)
from aiops_auth.repository import (
    CredentialKeyRepository,
    Repository,
    SecurityEventRepository,
    SigningKeyRepository,
)
from aiops_common.postgres import Connection
from aiops_contracts.base import Event


@dataclass(slots=True)
class Tables:
    accounts: dict[UUID, Account] = field(default_factory=dict)
    sign_ups: dict[UUID, UUID] = field(default_factory=dict)
    families: dict[UUID, tuple[UUID, datetime, datetime | None]] = field(default_factory=dict)
    tokens: dict[bytes, RefreshToken] = field(default_factory=dict)
    failures: dict[bytes, tuple[int, datetime, datetime | None]] = field(default_factory=dict)
    signing_keys: list[StoredSigningKey] = field(default_factory=list)
    credential_keys: list[StoredCredentialKey] = field(default_factory=list)
    security_events: list[SecurityEvent] = field(default_factory=list)
    inbox: dict[UUID, bytes | None] = field(default_factory=dict)
    outbox: list[tuple[Event, UUID]] = field(default_factory=list)


class Database:
    """Transactions roll back on an exception, as in PostgreSQL, and are serial, as row locks make them there."""

    def __init__(self) -> None:
        self.tables = Tables()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        await asyncio.sleep(0)  # a real connection lets others run before its first answer, too
        async with self._turn:
            before = deepcopy(self.tables)
            try:
                yield self
            except BaseException:
                self.tables = before
                raise

    async def publish(self, connection: Connection, events: Sequence[tuple[Event, UUID]]) -> None:
        assert connection is self
        self.tables.outbox.extend(events)

    async def fetchrow(self, statement: str, message_id: UUID) -> dict[str, Any] | None:
        """What the inbox asks for; everything else goes through a repository."""
        assert "FROM inbox" in statement
        return {"digest": self.tables.inbox[message_id]} if message_id in self.tables.inbox else None

    async def fetchval(self, statement: str, message_id: UUID, message_type: str, digest: bytes | None) -> bool | None:
        assert "INSERT INTO inbox" in statement
        if message_id in self.tables.inbox:
            return None
        self.tables.inbox[message_id] = digest
        return True


class InMemoryRepository(Repository):
    """Overrides every statement; the connection is a ``Database``, on which SQL would fail."""

    async def add_account(self, connection: Connection, account: Account, *, sign_up_id: UUID | None = None) -> bool:
        if sign_up_id in connection.tables.sign_ups or await self.account_by_email(connection, account.email):
            return False
        connection.tables.accounts[account.id] = account
        if sign_up_id is not None:
            connection.tables.sign_ups[sign_up_id] = account.id
        return True

    async def account_by_sign_up(self, connection: Connection, sign_up_id: UUID) -> Account | None:
        account_id = connection.tables.sign_ups.get(sign_up_id)
        return await self.account_by_id(connection, account_id) if account_id else None

    async def hold_account(self, connection: Connection, account_id: UUID) -> Account | None:
        return await self.account_by_id(connection, account_id)

    async def delete_account(self, connection: Connection, account_id: UUID) -> None:
        tables = connection.tables
        del tables.accounts[account_id]
        tables.sign_ups = {s: a for s, a in tables.sign_ups.items() if a != account_id}
        tables.families = {f: row for f, row in tables.families.items() if row[0] != account_id}
        tables.tokens = {d: t for d, t in tables.tokens.items() if t.account_id != account_id}

    async def account_by_email(self, connection: Connection, email: str) -> Account | None:
        accounts = connection.tables.accounts.values()
        return next((a for a in accounts if a.email.lower() == email.lower()), None)

    async def account_by_id(self, connection: Connection, account_id: UUID) -> Account | None:
        account: Account | None = connection.tables.accounts.get(account_id)
        return account

    async def save_role(self, connection: Connection, account: Account) -> None:
        connection.tables.accounts[account.id] = account

    async def save_password_hash(self, connection: Connection, account_id: UUID, *, old: str, new: str) -> bool:
        account = connection.tables.accounts[account_id]
        if account.password_hash != old:
            return False
        connection.tables.accounts[account_id] = replace(account, password_hash=new)
        return True

    async def lock_roles(self, connection: Connection) -> None:
        return

    async def count_admins(self, connection: Connection) -> int:
        return sum(account.role is Role.ADMIN for account in connection.tables.accounts.values())

    async def add_family(
        self, connection: Connection, family_id: UUID, account_id: UUID, *, created_at: datetime, expires_at: datetime
    ) -> None:
        connection.tables.families[family_id] = (account_id, expires_at, None)

    async def add_refresh_token(self, connection: Connection, token: RefreshToken) -> None:
        live = [t for t in connection.tables.tokens.values() if t.family_id == token.family_id and t.spent_at is None]
        assert not live, "a family has at most one token that is not spent"
        connection.tables.tokens[token.digest] = token
        account_id, _, revoked_at = connection.tables.families[token.family_id]
        connection.tables.families[token.family_id] = (account_id, token.expires_at, revoked_at)

    async def lock_refresh_token(self, connection: Connection, digest: bytes) -> RefreshToken | None:
        token: RefreshToken | None = connection.tables.tokens.get(digest)
        return replace(token, revoked_at=connection.tables.families[token.family_id][2]) if token else None

    async def spend_refresh_token(self, connection: Connection, digest: bytes, now: datetime) -> None:
        connection.tables.tokens[digest] = replace(connection.tables.tokens[digest], spent_at=now)

    async def revoke_family(self, connection: Connection, family_id: UUID, now: datetime) -> None:
        account_id, expires_at, revoked_at = connection.tables.families[family_id]
        connection.tables.families[family_id] = (account_id, expires_at, revoked_at or now)

    async def forget_expired_tokens(self, connection: Connection, account_id: UUID, now: datetime) -> None:
        tables = connection.tables
        gone = {f for f, (owner, expires_at, _) in tables.families.items() if owner == account_id and expires_at <= now}
        tables.families = {f: row for f, row in tables.families.items() if f not in gone}
        tables.tokens = {
            d: t
            for d, t in tables.tokens.items()
            if t.family_id not in gone and not (t.account_id == account_id and t.expires_at <= now)
        }

    async def forget_expired_families(self, connection: Connection, now: datetime, limit: int) -> int:
        tables = connection.tables
        gone = [f for f, (_, expires_at, _) in tables.families.items() if expires_at <= now][:limit]
        tables.families = {f: row for f, row in tables.families.items() if f not in gone}
        tables.tokens = {d: t for d, t in tables.tokens.items() if t.family_id not in gone}
        return len(gone)

    async def login_failures(self, connection: Connection, email_digest: bytes) -> LoginFailures:
        count, _, locked_until = connection.tables.failures.get(email_digest, (0, None, None))
        return LoginFailures(count, locked_until)

    async def count_login_failure(
        self, connection: Connection, email_digest: bytes, *, now: datetime, forget_before: datetime
    ) -> int:
        count, last, locked_until = connection.tables.failures.get(email_digest, (0, now, None))
        count = 1 if last < forget_before else count + 1
        connection.tables.failures[email_digest] = (count, now, locked_until)
        return count

    async def lock_log_in(self, connection: Connection, email_digest: bytes, until: datetime) -> None:
        count, last, _ = connection.tables.failures[email_digest]
        connection.tables.failures[email_digest] = (count, last, until)

    async def clear_login_failures(self, connection: Connection, email_digest: bytes) -> None:
        connection.tables.failures.pop(email_digest, None)


class InMemorySigningKeys(SigningKeyRepository):
    async def lock(self, connection: Connection) -> None:
        return

    async def believed(self, connection: Connection, now: datetime) -> list[StoredSigningKey]:
        return [key for key in connection.tables.signing_keys if key.is_believed(now)]

    async def add(self, connection: Connection, key: StoredSigningKey) -> None:
        connection.tables.signing_keys.append(key)

    async def save_end(self, connection: Connection, key: StoredSigningKey) -> None:
        keys = connection.tables.signing_keys
        connection.tables.signing_keys = [
            replace(one, verifies_until=key.verifies_until) if one.kid == key.kid else one for one in keys
        ]


class InMemoryCredentialKeys(CredentialKeyRepository):
    async def lock(self, connection: Connection) -> None:
        return

    async def current(self, connection: Connection) -> StoredCredentialKey | None:
        keys: list[StoredCredentialKey] = connection.tables.credential_keys
        return max((key for key in keys if key.opens_until is None), key=lambda key: key.created_at, default=None)

    async def get(self, connection: Connection, kid: str) -> StoredCredentialKey | None:
        return next((key for key in connection.tables.credential_keys if key.kid == kid), None)

    async def replace(self, connection: Connection, key: StoredCredentialKey, *, old_open_until: datetime) -> None:
        old = [
            replace(one, opens_until=min(one.opens_until or old_open_until, old_open_until))
            for one in connection.tables.credential_keys
        ]
        connection.tables.credential_keys = [*old, key]

    async def delete_closed(self, connection: Connection, now: datetime) -> None:
        keys = connection.tables.credential_keys
        connection.tables.credential_keys = [key for key in keys if key.opens_at(now)]


class InMemorySecurityEvents(SecurityEventRepository):
    async def add(self, connection: Connection, event: SecurityEvent) -> bool:
        if any(known.id == event.id for known in connection.tables.security_events):
            return False
        connection.tables.security_events.append(event)
        return True
