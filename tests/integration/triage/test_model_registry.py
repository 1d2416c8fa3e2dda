"""The registry of models on a real PostgreSQL, and services that take what it says is active."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from aiops_common.postgres import Listener, Pool
from aiops_triage.engine.model import TrainedModel
from aiops_triage.repository import ModelRepository
from aiops_triage.service import RULES, ActiveModels, Registry, RegistryError, Switched, TriageService
from integration.triage.conftest import service, stored, submitted
from support.eventually import eventually

NEVER = 600.0


@pytest.fixture
def registry(pool: Pool, clean_models: None) -> Registry:
    """The registry, empty."""
    return Registry(pool)


@asynccontextmanager
async def process(url: str, pool: Pool, poll_seconds: float = NEVER) -> AsyncIterator[ActiveModels]:
    """The part of a process that holds the active model."""
    listener = Listener(url, probe_seconds=0.2, max_wait_seconds=0.5)
    models = ActiveModels(pool, listener, schema="triage", poll_seconds=poll_seconds)
    await listener.start()
    await models.start()
    try:
        yield models
    finally:
        await models.stop()
        await listener.stop()


def takes(models: ActiveModels, version: str | None) -> Callable[[], Awaitable[bool | None]]:
    """For ``eventually``: whether that version is in use."""

    async def look() -> bool | None:
        return (models.current.version if models.current else None) == version

    return look


async def test_two_versions_are_activated_and_rolled_back(registry: Registry, trained: TrainedModel) -> None:
    one, two = await registry.add(trained), await registry.add(trained)
    assert await registry.activate(one) == Switched(one, None)
    assert await registry.activate(two) == Switched(two, one)
    assert [(record.version, record.active) for record in await registry.all()] == [(one, False), (two, True)]
    assert await registry.roll_back() == Switched(one, two)
    assert await registry.roll_back() == Switched(None, one)
    with pytest.raises(RegistryError, match="the rules decide alone"):
        await registry.roll_back()
    assert await registry.active() is None


async def test_each_roll_back_goes_one_further_back(registry: Registry, trained: TrainedModel) -> None:
    one, two = await registry.add(trained), await registry.add(trained)
    for version in (one, two, one):
        await registry.activate(version)
    assert [(await registry.roll_back()).version for _ in range(3)] == [two, one, None]
    with pytest.raises(RegistryError, match="the rules decide alone"):
        await registry.roll_back()
    for version in (two, RULES, one):
        await registry.activate(version)
    assert await registry.roll_back() == Switched(None, one)


async def test_where_the_rules_know_what_the_model_never_saw_no_model_is_named(
    pool: Pool, registry: Registry, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    await registry.activate(await registry.add(trained))
    async with process(service_database_urls["triage"], pool) as models:
        delivery = submitted("Ransomware, malware and a data breach", "We were hacked by an attacker")
        await service(pool, models=models).triage(delivery)
    triage = (await stored(pool, delivery.id)).triage
    assert triage is not None
    assert (triage.category, triage.model_version, triage.needs_review) == ("SECURITY", None, True)


async def test_what_cannot_be_activated_is_said(registry: Registry, pool: Pool, trained: TrainedModel) -> None:
    one = await registry.add(trained)
    with pytest.raises(RegistryError, match=f"no model 'nine'; there are: {one}, rules"):
        await registry.activate("nine")
    await registry.activate(one)
    with pytest.raises(RegistryError, match="active already"):
        await registry.activate(one)
    two = await registry.add(trained)
    async with pool.connection() as connection:
        await connection.execute("UPDATE triage_models SET data = 'no model' WHERE version = $1", two)
    with pytest.raises(RegistryError, match="broken"):
        await registry.activate(two)
    assert (await registry.activate(RULES)) == Switched(None, one)


async def test_of_activations_at_once_one_stands(registry: Registry, trained: TrainedModel) -> None:
    versions = [await registry.add(trained) for _ in range(6)]
    switches = await asyncio.gather(*(registry.activate(version) for version in versions))
    active = [record.version for record in await registry.all() if record.active]
    assert len(active) == 1
    # Each saw what the one before it made: together they are one chain.
    assert {change.before for change in switches} == {None, *versions} - set(active)


async def test_every_process_takes_a_new_model_and_tickets_say_which(
    registry: Registry, pool: Pool, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    url = service_database_urls["triage"]
    async with process(url, pool) as one, process(url, pool) as other:
        replica = service(pool, models=one)
        version = await registry.add(trained)
        await triaged_by(replica, pool, None)
        await registry.activate(version)
        for models in (one, other):
            await eventually(takes(models, version))
            assert await models.check() is None
        await triaged_by(replica, pool, version)
        await registry.roll_back()
        for models in (one, other):
            await eventually(takes(models, None))
        await triaged_by(replica, pool, None)


async def triaged_by(replica: TriageService, pool: Pool, version: str | None) -> None:
    delivery = submitted("No rights for the green folder", "please let me read it")
    await replica.triage(delivery)
    triage = (await stored(pool, delivery.id)).triage
    assert triage is not None
    assert triage.model_version == version
    assert triage.provenance.engine == "BUILTIN"


async def test_without_a_notification_the_poll_takes_it(
    registry: Registry, pool: Pool, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    listener = Listener(service_database_urls["triage"])  # not started: it hears nothing
    models = ActiveModels(pool, listener, schema="triage", poll_seconds=0.1)
    await models.start()
    version = await registry.add(trained)
    await registry.activate(version)
    await eventually(takes(models, version))
    await models.stop()


async def test_a_process_that_starts_has_the_model_before_its_first_ticket(
    registry: Registry, pool: Pool, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    version = await registry.add(trained)
    await registry.activate(version)
    async with process(service_database_urls["triage"], pool) as models:
        assert models.current is not None
        assert models.current.version == version


async def test_a_broken_model_is_left_alone_and_said(
    registry: Registry, pool: Pool, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    good = await registry.add(trained)
    await registry.activate(good)
    async with process(service_database_urls["triage"], pool) as models:
        bad = await registry.add(trained)
        async with pool.transaction() as connection:
            await connection.execute("UPDATE triage_models SET data = substr(data, 100) WHERE version = $1", bad)
            await ModelRepository().activate(connection, bad)
        note = await eventually(models.check)
        assert bad in note
        assert f"in use: {good}" in note
        await triaged_by(service(pool, models=models), pool, good)
        await registry.roll_back()

        async def is_fine() -> bool:
            return await models.check() is None

        await eventually(is_fine)
        assert models.current is not None
        assert models.current.version == good


async def test_a_model_for_other_labels_is_refused(
    registry: Registry, pool: Pool, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    foreign = await registry.add(with_labels(trained, ("bug", "feature")))
    with pytest.raises(RegistryError, match="no category: bug, feature"):
        await registry.activate(foreign)


def with_labels(model: TrainedModel, labels: tuple[str, ...]) -> TrainedModel:
    """The same model under other names."""
    fields = {name: getattr(model, name) for name in type(model).__slots__}
    return TrainedModel(**{**fields, "labels": labels})


async def test_switching_while_tickets_are_triaged_loses_none(
    registry: Registry, pool: Pool, service_database_urls: dict[str, str], trained: TrainedModel
) -> None:
    one, two = await registry.add(trained), await registry.add(trained)
    async with process(service_database_urls["triage"], pool, poll_seconds=0.05) as models:
        replica = service(pool, models=models)
        deliveries = [submitted("Invoice of the red shop", "the amount is wrong") for _ in range(200)]

        async def switch() -> None:
            for version in (one, two, one, RULES, two):
                await registry.activate(version)
                await eventually(takes(models, None if version == RULES else version))

        async def work() -> None:
            for start in range(0, len(deliveries), 10):
                await asyncio.gather(*(replica.triage(one) for one in deliveries[start : start + 10]))

        await asyncio.gather(switch(), work())
        await eventually(takes(models, two))
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT triage->>'model_version' AS version, state FROM tickets")
    assert {row["state"] for row in rows} == {"SUCCEEDED"}
    assert len(rows) == len(deliveries)
    assert {row["version"] for row in rows} <= {one, two, None}
