"""Parts are stopped in the reverse order, and together within a bounded time."""

import asyncio

import pytest
from structlog.testing import capture_logs

from aiops_common.lifecycle import running

ENDLESS = 3600.0


class Part:
    """Says in ``told`` that it was stopped; ``stop`` takes ``seconds``."""

    def __init__(self, name: str, told: list[str], seconds: float = 0.0) -> None:
        self._name = name
        self._told = told
        self._seconds = seconds

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        self._told.append(self._name)
        await asyncio.sleep(self._seconds)


class Stuck(Part):
    """One that does not end."""


class Broken(Part):
    """One that does not start, or not stop."""

    async def start(self) -> None:
        raise ConnectionError("not there")


class Late(Part):
    """One that gives up by itself."""

    async def stop(self) -> None:
        await super().stop()
        raise TimeoutError("its own")


async def test_the_last_one_is_stopped_first() -> None:
    told: list[str] = []
    async with running([Part("first", told), Part("second", told)]):
        assert told == []
    assert told == ["second", "first"]


async def test_those_that_were_started_are_stopped_where_one_does_not_start() -> None:
    told: list[str] = []
    with pytest.raises(ConnectionError, match="not there"):
        async with running([Part("first", told), Broken("second", told), Part("third", told)]):
            pytest.fail("it runs")
    assert told == ["first"]


async def test_one_that_does_not_end_is_not_waited_for_and_the_others_are_told() -> None:
    told: list[str] = []
    parts = [Part("first", told), Stuck("second", told, ENDLESS), Part("third", told)]
    async with asyncio.timeout(60):
        with capture_logs() as logs:
            async with running(parts, stop_seconds=0.01):
                pass
    assert told == ["third", "second", "first"]
    assert {"event": "part.cut_short", "part": "Stuck", "log_level": "warning"} in logs


async def test_the_deadline_of_a_part_itself_is_an_error_of_its_own() -> None:
    told: list[str] = []
    with pytest.raises(TimeoutError, match="its own"):
        async with running([Part("first", told), Late("second", told)]):
            pass
    assert told == ["second", "first"]
