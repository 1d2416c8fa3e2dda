"""The registry of trained models: adding one, making one active, returning to the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiops_common.postgres import Pool
from aiops_triage.domain import TicketCategory
from aiops_triage.engine.model import InvalidModel, TrainedModel, dump, load
from aiops_triage.repository import ModelRecord, ModelRepository

RULES: Final = "rules"
"""Stands for no model in ``Registry.activate``."""

TOLERANCE: Final = {"macro_f1": 0.01, "precision_when_sure": 0.01, "coverage": 0.05, "expected_calibration_error": 0.01}
"""By how much a metric may get worse: less is chance in the drawing of the folds."""

_LESS_IS_BETTER: Final = frozenset({"expected_calibration_error"})


class RegistryError(Exception):
    """What was asked of the registry cannot be done; the message says why, and what can."""


@dataclass(frozen=True, slots=True)
class Switched:
    """Which model is active now, and which one was before; None is the rules alone."""

    version: str | None
    before: str | None


class Registry:
    """The models of the service that owns the pool's schema."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._repository = ModelRepository()

    async def all(self) -> Sequence[ModelRecord]:
        """Every model, the oldest first."""
        async with self._pool.connection() as connection:
            return await self._repository.all(connection)

    async def active(self) -> ModelRecord | None:
        """The model that decides; None where the rules do alone."""
        async with self._pool.connection() as connection:
            return await self._repository.active(connection)

    async def add(self, model: TrainedModel) -> str:
        """Keep ``model``, which is not active yet; returns its version."""
        async with self._pool.transaction() as connection:
            return await self._repository.add(
                connection,
                dump(model),
                trained_at=datetime.now(UTC),
                examples=int(model.metrics["examples"]),
                labels=model.labels,
                metrics=model.metrics,
            )

    async def activate(self, version: str) -> Switched:
        """Let ``version`` decide from now on, or ``RULES`` alone.

        Raises:
            RegistryError: there is no such version, it is active already, or it is broken.
        """
        async with self._pool.transaction() as connection:
            await self._repository.lock(connection)
            active = await self._repository.active(connection)
            before = active.version if active else None
            if version != RULES:
                data = await self._repository.data(connection, version)
                if data is None:
                    known = [record.version for record in await self._repository.all(connection)]
                    raise RegistryError(f"there is no model {version[:50]!r}; there are: {', '.join([*known, RULES])}")
                _check(version, data)
            wanted = None if version == RULES else version
            if wanted == before:
                raise RegistryError(f"{version} is active already")
            await self._repository.activate(connection, wanted)
        return Switched(wanted, before)

    async def roll_back(self) -> Switched:
        """Return to what was active before; each time one activation further back, down to the rules.

        Raises:
            RegistryError: no model is active.
        """
        async with self._pool.transaction() as connection:
            await self._repository.lock(connection)
            active = await self._repository.active(connection)
            if active is None:
                raise RegistryError("no model is active, so there is nothing to return from: the rules decide alone")
            to = await self._repository.roll_back(connection)
        return Switched(to, active.version)


def worse_than(candidate: Mapping[str, float], active: Mapping[str, float]) -> list[str]:
    """In words, by what ``candidate`` is worse than ``active``; empty where it is not."""
    told = []
    for name, tolerance in TOLERANCE.items():
        before, now = active.get(name), candidate.get(name)
        if before is None or now is None:
            continue
        loss = now - before if name in _LESS_IS_BETTER else before - now
        if loss > tolerance:
            told.append(f"{name} is {now:.3f}, was {before:.3f}")
    return told


def _check(version: str, data: bytes) -> None:
    try:
        labels = load(data).labels
    except InvalidModel as error:
        raise RegistryError(f"{version} is broken and was not activated: {error}") from None
    if strange := sorted(set(labels) - set(TicketCategory)):
        raise RegistryError(f"{version} answers with labels that are no category: {', '.join(strange)}")
