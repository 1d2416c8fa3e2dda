"""What auth does not list any more though the read model has it: nobody may go on with it."""

from collections.abc import Collection
from uuid import UUID

from aiops_common.postgres import Connection
from aiops_gateway.repository.read_model import CHANGES_CHANNEL

_BATCH = 1_000


async def account_ids(connection: Connection) -> set[UUID]:
    """All accounts that are not removed."""
    return {row["id"] for row in await connection.fetch("SELECT id FROM users WHERE removed_at IS NULL")}


async def api_key_ids(connection: Connection) -> set[UUID]:
    """All API keys that are not revoked."""
    return {row["id"] for row in await connection.fetch("SELECT id FROM api_keys WHERE revoked_at IS NULL")}


async def remove_accounts(connection: Connection, ids: Collection[UUID]) -> int:
    """Make accounts removed ones, one version further, and notify; returns how many rows there were to change.

    Of all ``ids`` is told, also of those whose row is not there: gateways remember whom they have seen.
    """
    return await _end(
        connection,
        "user",
        "UPDATE users SET version = version + 1, email = '', display_name = '', role = 'VIEWER', updated_at = now(), "
        "removed_at = now() WHERE id = ANY($1::uuid[]) AND removed_at IS NULL RETURNING id",
        ids,
    )


async def revoke_api_keys(connection: Connection, ids: Collection[UUID]) -> int:
    """Make API keys revoked ones; as ``remove_accounts``."""
    return await _end(
        connection,
        "apiKey",
        "UPDATE api_keys SET version = version + 1, updated_at = now(), revoked_at = now() "
        "WHERE id = ANY($1::uuid[]) AND revoked_at IS NULL RETURNING id",
        ids,
    )


async def _end(connection: Connection, kind: str, update: str, ids: Collection[UUID]) -> int:
    changed, ordered = 0, sorted(ids)
    for start in range(0, len(ordered), _BATCH):
        changed += await connection.fetchval(
            f"""
            WITH changed AS ({update}), told AS (
                SELECT pg_notify('{CHANGES_CHANNEL}', '{kind}:' || id) FROM unnest($1::uuid[]) AS id
            )
            SELECT (SELECT count(*) FROM changed), (SELECT count(*) FROM told)
            """,
            ordered[start : start + _BATCH],
        )
    return changed
