"""Giving away what auth owns and others keep copies of: accounts without passwords, public keys."""

from dataclasses import dataclass, field

from aiops_auth.repository import ApiKeyRepository, Repository, SigningKeyRepository
from aiops_auth.service.api_keys import api_key
from aiops_auth.service.ports import Transactions
from aiops_auth.service.replies import public_key, user
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.replay import cut_page
from aiops_contracts.auth import (
    ReplayApiKeys,
    ReplayedApiKeys,
    ReplayedSigningKeys,
    ReplayedUsers,
    ReplaySigningKeys,
    ReplayUsers,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """Answers page by page, with what the events told."""

    transactions: Transactions
    repository: Repository
    signing_key_repository: SigningKeyRepository = field(default_factory=SigningKeyRepository)
    api_key_repository: ApiKeyRepository = field(default_factory=ApiKeyRepository)

    async def users(self, delivery: Delivery[ReplayUsers]) -> ReplayedUsers:
        """One page of all accounts."""
        request = delivery.message
        async with self.transactions() as connection:
            accounts = self.repository.accounts_after(connection, request.after, request.limit + 1)
            page = await cut_page(accounts, user, lambda one: one.id, limit=request.limit)
        return ReplayedUsers(snapshots=page.snapshots, next_after=page.next_after)

    async def signing_keys(self, delivery: Delivery[ReplaySigningKeys]) -> ReplayedSigningKeys:
        """One page of all signing keys."""
        request = delivery.message
        async with self.transactions() as connection:
            keys = self.signing_key_repository.after(connection, request.after, request.limit + 1)
            page = await cut_page(keys, public_key, lambda key: key.kid, limit=request.limit)
        return ReplayedSigningKeys(snapshots=page.snapshots, next_after=page.next_after)

    async def api_keys(self, delivery: Delivery[ReplayApiKeys]) -> ReplayedApiKeys:
        """One page of all API keys, also those that are revoked or expired."""
        request = delivery.message
        async with self.transactions() as connection:
            keys = self.api_key_repository.after(connection, request.after, request.limit + 1)
            page = await cut_page(keys, api_key, lambda one: one.id, limit=request.limit)
        return ReplayedApiKeys(snapshots=page.snapshots, next_after=page.next_after)
