"""The registry of trained models: what each one learned from and how well, its bytes, and which one is active."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from aiops_common.postgres import Connection

_RECORDS = """
    SELECT version, trained_at, examples, labels, metrics, activated_at
    FROM triage_models LEFT JOIN (
        SELECT version, activated_at FROM triage_activations ORDER BY number DESC LIMIT 1
    ) AS active USING (version)
"""


def channel(schema: str) -> str:
    """The notification channel on which ``schema`` tells that another model is active."""
    return f"models_{schema}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRecord:
    """A model in the registry, without its bytes; ``activated_at`` is None unless it is active."""

    version: str
    trained_at: datetime
    examples: int
    labels: tuple[str, ...]
    metrics: Mapping[str, float]
    activated_at: datetime | None

    @property
    def active(self) -> bool:
        """Whether this is the model that decides."""
        return self.activated_at is not None


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
        return [_record(row) for row in await connection.fetch(f"{_RECORDS} ORDER BY number")]

    async def active(self, connection: Connection) -> ModelRecord | None:
        """The active model."""
        row = await connection.fetchrow(f"{_RECORDS} WHERE activated_at IS NOT NULL")
        return _record(row) if row else None

    async def data(self, connection: Connection, version: str) -> bytes | None:
        """The bytes of a model; None where there is no such version."""
        data: bytes | None = await connection.fetchval("SELECT data FROM triage_models WHERE version = $1", version)
        return data

    async def lock(self, connection: Connection) -> None:
        """Let nobody else activate a model until the transaction ends; reading goes on."""
        await connection.execute("LOCK TABLE triage_activations IN SHARE ROW EXCLUSIVE MODE")

    async def activate(self, connection: Connection, version: str | None) -> None:
        """Make ``version`` the active one, None: the rules; ``lock`` first. All processes of the service are told."""
        await connection.execute(
            "INSERT INTO triage_activations (version, returns_to) SELECT $1, max(number) FROM triage_activations",
            version,
        )
        await _tell(connection)

    async def roll_back(self, connection: Connection) -> str | None:
        """Make active again what was so before the last activation, None: the rules; ``lock`` first. All are told."""
        version: str | None = await connection.fetchval(
            """
            INSERT INTO triage_activations (version, returns_to)
            SELECT before.version, before.returns_to FROM triage_activations AS last
            LEFT JOIN triage_activations AS before ON before.number = last.returns_to
            ORDER BY last.number DESC LIMIT 1 RETURNING version
            """
        )
        await _tell(connection)
        return version


async def _tell(connection: Connection) -> None:
    await connection.execute("SELECT pg_notify('models_' || current_schema(), '')")


def _record(row: asyncpg.Record) -> ModelRecord:
    fields: dict[str, Any] = dict(row)
    return ModelRecord(**{**fields, "labels": tuple(row["labels"]), "metrics": orjson.loads(row["metrics"])})
