"""Issuing an access token and a refresh token within the caller's transaction, and forgetting the expired."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from pydantic import SecretStr

from aiops_auth.domain import Account, RefreshToken
from aiops_auth.repository import Repository
from aiops_auth.service.key_ring import KeyRing
from aiops_auth.service.ports import Clock, Transactions
from aiops_auth.tokens import TokenIssuer
from aiops_common.postgres import Connection
from aiops_contracts.credentials import Tokens

_SWEPT_AT_ONCE = 1000
_MOST_SWEEPS = 10


@dataclass(frozen=True, slots=True)
class ExpiredSessions:
    """Sessions of those who do not come back, whose next log-in would have forgotten them."""

    transactions: Transactions
    repository: Repository
    clock: Clock

    async def sweep(self) -> int:
        """Delete expired families, up to ten thousand and a thousand in a transaction; returns how many."""
        swept = 0
        for _ in range(_MOST_SWEEPS):
            async with self.transactions() as connection:
                deleted = await self.repository.forget_expired_families(connection, self.clock(), _SWEPT_AT_ONCE)
            swept += deleted
            if deleted < _SWEPT_AT_ONCE:
                break
        return swept


@dataclass(frozen=True, slots=True)
class Sessions:
    """Starts families of refresh tokens and continues them."""

    repository: Repository
    tokens: TokenIssuer
    keys: KeyRing

    async def start(self, connection: Connection, account: Account, now: datetime) -> Tokens:
        """Tokens of a new family.

        Raises:
            SigningKeyMissing: there is no signing key.
        """
        family_id = uuid4()
        await self.repository.forget_expired_tokens(connection, account.id, now)
        await self.repository.add_family(
            connection, family_id, account.id, created_at=now, expires_at=now + self.tokens.refresh_lifetime
        )
        return await self._issue(connection, account, family_id, now)

    async def rotate(self, connection: Connection, account: Account, spent: RefreshToken, now: datetime) -> Tokens:
        """Spend a live token, whose family is locked, and issue its child.

        Raises:
            SigningKeyMissing: there is no signing key.
        """
        await self.repository.spend_refresh_token(connection, spent.digest, now)
        await self.repository.forget_expired_tokens(connection, account.id, now)
        return await self._issue(connection, account, spent.family_id, now)

    async def _issue(self, connection: Connection, account: Account, family_id: UUID, now: datetime) -> Tokens:
        key = await self.keys.signing(connection, now)
        access_token, expires_at = self.tokens.access_token(account, key, now)
        refresh_token, digest = self.tokens.refresh_token()
        await self.repository.add_refresh_token(
            connection,
            RefreshToken(
                digest=digest,
                family_id=family_id,
                account_id=account.id,
                issued_at=now,
                expires_at=now + self.tokens.refresh_lifetime,
            ),
        )
        return Tokens(
            access_token=SecretStr(access_token), refresh_token=SecretStr(refresh_token), expires_at=expires_at
        )
