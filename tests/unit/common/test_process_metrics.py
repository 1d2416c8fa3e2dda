"""Which build it is, and how late its event loop comes to things."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.registry import REGISTRY

from aiops_common.process_metrics import LoopLag, set_build
from support.eventually import eventually


async def test_the_loop_says_how_late_it_was() -> None:
    registry = CollectorRegistry()
    lag = LoopLag(Histogram("lag", "Lag", registry=registry))
    await lag.start()
    try:
        await eventually(lambda: _is_counted(registry))
    finally:
        await lag.stop()
    assert (registry.get_sample_value("lag_sum") or 0.0) >= 0.0


async def _is_counted(registry: CollectorRegistry) -> bool:
    return bool(registry.get_sample_value("lag_count"))


async def test_it_ends_at_once_and_may_never_have_begun() -> None:
    await LoopLag(Histogram("lag", "Lag", registry=CollectorRegistry())).stop()
    lag = LoopLag(Histogram("lag", "Lag", registry=CollectorRegistry()))
    await lag.start()
    async with asyncio.timeout(30):
        await lag.stop()


def test_the_build_is_told() -> None:
    set_build("aiops-common")
    set_build("aiops-of-nobody")
    samples = [
        sample for metric in REGISTRY.collect() if metric.name == "aiops_build_info" for sample in metric.samples
    ]
    assert [sample.value for sample in samples] == [1.0] * len(samples)
    assert samples
