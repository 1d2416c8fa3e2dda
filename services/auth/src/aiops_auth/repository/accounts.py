"""Accounts, sessions and log-in failures. Table names are unqualified: the role's search_path leads to its schema."""

from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from aiops_auth.domain import Account, LoginFailures, RefreshToken, Role
from aiops_common.messaging.replay import ROWS_AT_ONCE
from aiops_common.postgres import Connection

_ADD_ACCOUNT = """
INSERT INTO accounts (id, version, email, display_name, role, created_at, updated_at, password_hash, sign_up_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id
"""
_ACCOUNT_COLUMNS = "id, version, email, display_name, role, created_at, updated_at, password_hash"
_ACCOUNT_BY_EMAIL = f"SELECT {_ACCOUNT_COLUMNS} FROM accounts WHERE lower(email) = lower($1)"
_ACCOUNT_BY_ID = f"SELECT {_ACCOUNT_COLUMNS} FROM accounts WHERE id = $1"

# Keys of advisory locks are shared by the whole database: a random upper half keeps them apart from others'.
_ROLES_LOCK = 0x6A4F_11E2_0000_0001

_PURGED_AT_ONCE = 100


def _account(row: Mapping[str, Any]) -> Account:
    return Account(**{**row, "role": Role(row["role"])})


class Repository:
    """Reads and writes what auth owns; every method runs in the caller's transaction."""

    async def add_account(self, connection: Connection, account: Account, *, sign_up_id: UUID | None = None) -> bool:
        """Insert; False when another account has the e-mail address, or was made by the same message."""
        inserted = await connection.fetchval(
            _ADD_ACCOUNT,
            account.id,
            account.version,
            account.email,
            account.display_name,
            account.role.value,
            account.created_at,
            account.updated_at,
            account.password_hash,
            sign_up_id,
        )
        return inserted is not None

    async def account_by_email(self, connection: Connection, email: str) -> Account | None:
        row = await connection.fetchrow(_ACCOUNT_BY_EMAIL, email)
        return _account(row) if row else None

    async def account_by_id(self, connection: Connection, account_id: UUID) -> Account | None:
        row = await connection.fetchrow(_ACCOUNT_BY_ID, account_id)
        return _account(row) if row else None

    async def account_by_sign_up(self, connection: Connection, sign_up_id: UUID) -> Account | None:
        """The account that a message has made."""
        row = await connection.fetchrow(f"SELECT {_ACCOUNT_COLUMNS} FROM accounts WHERE sign_up_id = $1", sign_up_id)
        return _account(row) if row else None

    async def hold_account(self, connection: Connection, account_id: UUID) -> Account | None:
        """The account as it is, not to be deleted before the transaction ends."""
        row = await connection.fetchrow(f"{_ACCOUNT_BY_ID} FOR KEY SHARE", account_id)
        return _account(row) if row else None

    async def delete_account(self, connection: Connection, account_id: UUID) -> None:
        """Delete an account with its sessions; to be called under ``lock_roles``."""
        await connection.execute("DELETE FROM accounts WHERE id = $1", account_id)

    async def accounts_after(self, connection: Connection, after: UUID | None, limit: int) -> AsyncGenerator[Account]:
        """Up to ``limit`` accounts in the order of their ids, from behind ``after``."""
        behind, arguments = ("", [limit]) if after is None else ("WHERE id > $2", [limit, after])
        statement = f"SELECT {_ACCOUNT_COLUMNS} FROM accounts {behind} ORDER BY id LIMIT $1"
        async for row in connection.cursor(statement, *arguments, prefetch=ROWS_AT_ONCE):
            yield _account(row)

    async def save_role(self, connection: Connection, account: Account) -> None:
        """Store role, version and time of change; to be called under ``lock_roles``."""
        await connection.execute(
            "UPDATE accounts SET role = $2, version = $3, updated_at = $4 WHERE id = $1",
            account.id,
            account.role.value,
            account.version,
            account.updated_at,
        )

    async def save_password_hash(self, connection: Connection, account_id: UUID, *, old: str, new: str) -> bool:
        """Replace the hash; False where somebody replaced it in the meantime."""
        status: str = await connection.execute(
            "UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2", account_id, old, new
        )
        return status == "UPDATE 1"

    async def lock_roles(self, connection: Connection) -> None:
        """Let only one transaction change roles or remove: two that demote each other's admin would leave none."""
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ROLES_LOCK)

    async def count_admins(self, connection: Connection) -> int:
        count: int = await connection.fetchval("SELECT count(*) FROM accounts WHERE role = 'ADMIN'")
        return count

    async def add_family(
        self, connection: Connection, family_id: UUID, account_id: UUID, *, created_at: datetime, expires_at: datetime
    ) -> None:
        await connection.execute(
            "INSERT INTO refresh_families (id, account_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
            family_id,
            account_id,
            created_at,
            expires_at,
        )

    async def add_refresh_token(self, connection: Connection, token: RefreshToken) -> None:
        """Insert, and let the family live as long as the token."""
        await connection.execute(
            "INSERT INTO refresh_tokens (digest, family_id, issued_at, expires_at) VALUES ($1, $2, $3, $4)",
            token.digest,
            token.family_id,
            token.issued_at,
            token.expires_at,
        )
        await connection.execute(
            "UPDATE refresh_families SET expires_at = $2 WHERE id = $1", token.family_id, token.expires_at
        )

    async def lock_refresh_token(self, connection: Connection, digest: bytes) -> RefreshToken | None:
        """The token, with its family locked until the transaction ends."""
        # Two statements on purpose: one that locks and reads the token in the same breath would, after waiting, return
        # the token as it was before the wait (READ COMMITTED re-reads only the locked row).
        await connection.execute(
            "SELECT 1 FROM refresh_families WHERE id = (SELECT family_id FROM refresh_tokens WHERE digest = $1) "
            "FOR UPDATE",
            digest,
        )
        row = await connection.fetchrow(
            "SELECT t.digest, t.family_id, f.account_id, t.issued_at, t.expires_at, t.spent_at, f.revoked_at "
            "FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id WHERE t.digest = $1",
            digest,
        )
        return RefreshToken(**row) if row else None

    async def spend_refresh_token(self, connection: Connection, digest: bytes, now: datetime) -> None:
        await connection.execute("UPDATE refresh_tokens SET spent_at = $2 WHERE digest = $1", digest, now)

    async def revoke_family(self, connection: Connection, family_id: UUID, now: datetime) -> None:
        await connection.execute(
            "UPDATE refresh_families SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", family_id, now
        )

    async def forget_expired_tokens(self, connection: Connection, account_id: UUID, now: datetime) -> None:
        """Delete what has expired of one account: it is refused with or without its row."""
        await connection.execute(
            "DELETE FROM refresh_families WHERE id IN (SELECT id FROM refresh_families "
            "WHERE account_id = $1 AND expires_at <= $2 FOR UPDATE SKIP LOCKED)",
            account_id,
            now,
        )
        await connection.execute(
            "DELETE FROM refresh_tokens WHERE digest IN (SELECT t.digest FROM refresh_tokens t "
            "JOIN refresh_families f ON f.id = t.family_id "
            "WHERE f.account_id = $1 AND t.expires_at <= $2 FOR UPDATE OF t SKIP LOCKED)",
            account_id,
            now,
        )

    async def forget_expired_families(self, connection: Connection, now: datetime, limit: int) -> int:
        """Delete up to ``limit`` families that have expired, with their tokens; returns how many."""
        status: str = await connection.execute(
            "DELETE FROM refresh_families WHERE id IN (SELECT id FROM refresh_families "
            "WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            limit,
        )
        return int(status.removeprefix("DELETE "))

    async def login_failures(self, connection: Connection, email_digest: bytes) -> LoginFailures:
        row = await connection.fetchrow(
            "SELECT failures, locked_until FROM login_failures WHERE email_digest = $1", email_digest
        )
        return LoginFailures(row["failures"], row["locked_until"]) if row else LoginFailures(0, None)

    async def count_login_failure(
        self, connection: Connection, email_digest: bytes, *, now: datetime, forget_before: datetime
    ) -> int:
        """Add one failure and return how many there are in a row; drops some rows that no longer count."""
        await connection.execute(
            "DELETE FROM login_failures WHERE email_digest IN (SELECT email_digest FROM login_failures "
            "WHERE last_failed_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            forget_before,
            _PURGED_AT_ONCE,
        )
        failures: int = await connection.fetchval(
            "INSERT INTO login_failures AS known (email_digest, failures, last_failed_at) VALUES ($1, 1, $2) "
            "ON CONFLICT (email_digest) DO UPDATE SET last_failed_at = $2, "
            "failures = CASE WHEN known.last_failed_at < $3 THEN 1 ELSE known.failures + 1 END RETURNING failures",
            email_digest,
            now,
            forget_before,
        )
        return failures

    async def lock_log_in(self, connection: Connection, email_digest: bytes, until: datetime) -> None:
        await connection.execute(
            "UPDATE login_failures SET locked_until = $2 WHERE email_digest = $1", email_digest, until
        )

    async def clear_login_failures(self, connection: Connection, email_digest: bytes) -> None:
        await connection.execute("DELETE FROM login_failures WHERE email_digest = $1", email_digest)
