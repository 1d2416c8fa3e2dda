"""Feature flags, the truth about them. Each is found by its key; its id is for lists and links."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from aiops_common.flags import table
from aiops_common.postgres import Connection
from aiops_contracts.base import FeatureFlag, Model, Timestamp
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import newest_first

_OWN: Final = "id, description, created_at, updated_by"
_COLUMNS: Final = f"{table.COLUMNS}, {_OWN}"
_VALUES: Final = ", ".join(f"${number}" for number in range(1, len(_COLUMNS.split(", ")) + 1))
_REPLACED: Final = ", ".join(
    f"{name} = excluded.{name}" for name in _COLUMNS.split(", ") if name not in ("key", "id", "created_at")
)


class StoredFlag(Model):
    """A flag with what only its owner knows of it; ``updated_by`` is a principal, None for the system."""

    id: UUID
    flag: FeatureFlag
    description: str
    created_at: Timestamp
    updated_by: str | None = None


async def lock(connection: Connection, key: str) -> StoredFlag | None:
    """The flag, None where there is none; nobody else changes or makes it until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('aiops.feature_flags'), hashtext($1))", key)
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM feature_flags WHERE key = $1", key)
    return _stored(row) if row else None


async def save(connection: Connection, stored: StoredFlag) -> None:
    """Add or replace a flag that is locked, and let every gateway look when the transaction commits."""
    flag = stored.flag
    await connection.execute(
        f"INSERT INTO feature_flags ({_COLUMNS}) VALUES ({_VALUES}) ON CONFLICT (key) DO UPDATE SET {_REPLACED}",
        flag.key, flag.version, flag.kind, flag.value, flag.enabled, flag.percentage, orjson.dumps(flag.roles),
        orjson.dumps(flag.allow), flag.updated_at, stored.id, stored.description, stored.created_at, stored.updated_by,
    )  # fmt: skip
    await table.tell(connection)


async def get(connection: Connection, identity: UUID) -> StoredFlag | None:
    """One flag, None where there is none."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM feature_flags WHERE id = $1", identity)
    return _stored(row) if row else None


async def page(connection: Connection, request: PageRequest) -> tuple[list[StoredFlag], bool]:
    """One page of flags, newest first, and whether there are more."""
    rows, more = await newest_first.page(connection, _COLUMNS, "feature_flags", request)
    return [_stored(row) for row in rows], more


async def count(connection: Connection) -> int:
    """How many flags there are."""
    total: int = await connection.fetchval("SELECT count(*) FROM feature_flags")
    return total


async def behind(connection: Connection, after: str | None, limit: int) -> list[FeatureFlag]:
    """Up to ``limit`` flags in the order of their keys, from behind ``after``."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM feature_flags WHERE $1::text IS NULL OR key > $1 ORDER BY key LIMIT $2", after, limit
    )
    return [_stored(row).flag for row in rows]


def _stored(row: Mapping[str, Any]) -> StoredFlag:
    lists = {name: orjson.loads(row[name]) for name in ("roles", "allow")}
    return StoredFlag.model_validate({**row, "flag": FeatureFlag.model_validate({**row, **lists})})
