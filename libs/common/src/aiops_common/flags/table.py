"""The last known flags of a service, in its schema. The owner's table has these columns too, so it is read alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson
from pydantic import ValidationError

from aiops_common.postgres import Connection
from aiops_contracts.base import FeatureFlag

COLUMNS: Final = "key, version, kind, value, enabled, percentage, roles, allow, updated_at"

_TELL: Final = "SELECT pg_notify('flags_' || current_schema(), '')"
_READ: Final = f"SELECT {COLUMNS} FROM feature_flags"
_KEEP: Final = f"""
    INSERT INTO feature_flags AS known ({COLUMNS})
    SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::bool[], $6::int[], $7::jsonb[], $8::jsonb[],
        $9::timestamptz[])
    ON CONFLICT (key) DO UPDATE SET version = excluded.version, kind = excluded.kind, value = excluded.value,
        enabled = excluded.enabled, percentage = excluded.percentage, roles = excluded.roles, allow = excluded.allow,
        updated_at = excluded.updated_at
        WHERE (known.updated_at, known.version) < (excluded.updated_at, excluded.version)
    RETURNING key
"""


def channel(schema: str) -> str:
    """The notification channel on which ``schema`` tells that a flag changed."""
    return f"flags_{schema}"


async def tell(connection: Connection) -> None:
    """Let every process of the schema look, when the transaction commits."""
    await connection.execute(_TELL)


async def read(connection: Connection, known: Mapping[str, FeatureFlag]) -> tuple[dict[str, FeatureFlag], list[str]]:
    """All flags by their keys, and the keys of those that this release cannot understand.

    What a later release wrote must not keep a switch from being thrown: a row that is not understood stays as it was
    ``known``, or is left out, and the others count.
    """
    flags: dict[str, FeatureFlag] = {}
    strange: list[str] = []
    for row in await connection.fetch(_READ):
        flag = known.get(row["key"])
        if flag is None or age(flag) != (row["updated_at"], row["version"]):
            lists = {name: orjson.loads(row[name]) for name in ("roles", "allow")}
            try:
                flag = FeatureFlag.model_validate({**row, **lists})
            except ValidationError:
                strange.append(row["key"])
        if flag is not None:
            flags[flag.key] = flag
    return flags, strange


def age(flag: FeatureFlag) -> tuple[datetime, int]:
    """By what the newer of two states of a flag is told: its owner sees to it that both only grow. The version alone
    would not do, since it begins anew where the owner's table was restored or a flag was made again."""
    return flag.updated_at, flag.version


async def keep(connection: Connection, flags: Sequence[FeatureFlag]) -> list[str]:
    """Take over what is newer than what is known, and tell; within a transaction. Returns the keys that changed."""
    newest: dict[str, FeatureFlag] = {}
    for flag in flags:
        if flag.key not in newest or age(flag) > age(newest[flag.key]):
            newest[flag.key] = flag
    ordered = [newest[key] for key in sorted(newest)]  # so that concurrent writers cannot deadlock
    rows = await connection.fetch(
        _KEEP,
        [flag.key for flag in ordered],
        [flag.version for flag in ordered],
        [flag.kind for flag in ordered],
        [flag.value for flag in ordered],
        [flag.enabled for flag in ordered],
        [flag.percentage for flag in ordered],
        [orjson.dumps(flag.roles) for flag in ordered],
        [orjson.dumps(flag.allow) for flag in ordered],
        [flag.updated_at for flag in ordered],
    )
    if rows:
        await tell(connection)
    return [row["key"] for row in rows]
