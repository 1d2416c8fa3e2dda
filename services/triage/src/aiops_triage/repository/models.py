"""The registry of trained models: what each one learned from and how well, its bytes, and which one is active."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from aiops_common.postgres import Connection

_COLUMNS = "version, trained_at, examples, labels, metrics, active, activated_at, replaced"


def channel(schema: str) -> str:
    """The notification channel on which ``schema`` tells that another model is active."""
    return f"models_{schema}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model in the registry, without its bytes; ``replaced`` is the version that was active before it."""

    version: str
    trained_at: datetime
    examples: int
    labels: tuple[str, ...]
    metrics: Mapping[str, float]
    active: bool
    activated_at: datetime | None
    replaced: str | None


class ModelRepository:
    """Models by version; at most one is active, none where the rules decide alone."""

    async def add(
        self,
        connection: Connection,
        data: bytes,
        *,
        trained_at: datetime,
        examples: int,
        labels: Sequence[str],
        metrics: Mapping[str, float],
    ) -> str:
        """Keep a model, which is not active yet; returns its version."""
        version: str = await connection.fetchval(
            """
            INSERT INTO triage_models (trained_at, examples, labels, metrics, data) VALUES ($1, $2, $3, $4, $5)
            RETURNING version
            """,
            trained_at,
            examples,
            list(labels),
            orjson.dumps(dict(metrics)),
            data,
        )
        return version

    async def all(self, connection: Connection) -> list[ModelRecord]:
        """Every model, the oldest first."""
        return [_record(row) for row in await connection.fetch(f"SELECT {_COLUMNS} FROM triage_models ORDER BY number")]

    async def active(self, connection: Connection) -> ModelRecord | None:
        """The active model."""
        row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM triage_models WHERE active")
        return _record(row) if row else None

    async def data(self, connection: Connection, version: str) -> bytes | None:
        """The bytes of a model; None where there is no such version."""
        data: bytes | None = await connection.fetchval("SELECT data FROM triage_models WHERE version = $1", version)
        return data

    async def lock(self, connection: Connection) -> None:
        """Let nobody else activate a model until the transaction ends; reading goes on."""
        await connection.execute("LOCK TABLE triage_models IN SHARE ROW EXCLUSIVE MODE")

    async def activate(self, connection: Connection, version: str | None, *, replaced: str | None) -> None:
        """Make ``version`` the active one, None: none; ``lock`` first. All processes of the service are told.

        ``replaced`` is what a roll-back returns to.
        """
        await connection.execute("UPDATE triage_models SET active = false WHERE active")
        if version is not None:
            await connection.execute(
                """
                UPDATE triage_models SET active = true, activated_at = clock_timestamp(), replaced = $2
                WHERE version = $1
                """,
                version,
                replaced,
            )
        await connection.execute("SELECT pg_notify('models_' || current_schema(), '')")


def _record(row: asyncpg.Record) -> ModelRecord:
    fields: dict[str, Any] = dict(row)
    return ModelRecord(**{**fields, "labels": tuple(row["labels"]), "metrics": orjson.loads(row["metrics"])})
