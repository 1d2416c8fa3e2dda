"""Whether whoever asks may: the gateway looked too, but at a copy, and a while ago."""

from uuid import UUID

from aiops_auth.domain import Role
from aiops_auth.repository import Repository
from aiops_common.postgres import Connection

NOT_ADMIN = "This needs the role ADMIN, which you do not have any more."
"""What somebody is told who was administrator when the gateway looked."""


async def is_admin(accounts: Repository, connection: Connection, account_id: UUID) -> bool:
    """Whether the account is there and ADMIN; to be called under ``lock_roles``, so that it stays true."""
    account = await accounts.account_by_id(connection, account_id)
    return account is not None and account.role is Role.ADMIN
