"""Processes of the three releases of examples/renamed_field, and what is done to their schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from aiops_common.flags import Flags, KnownFlags
from aiops_common.lifecycle import running
from aiops_common.postgres import Listener, Pool
from aiops_common.postgres.migrate import migrate, undo
from aiops_common.postgres.revisions import needs
from aiops_common.postgres.schema_version import misfit
from examples.renamed_field import release_1, release_2, release_3
from examples.renamed_field.backfill import Field, backfill, differing
from examples.renamed_field.release_1 import repository as first
from examples.renamed_field.release_2 import repository as second
from examples.renamed_field.release_3 import repository as third
from support.servers import ROOT
from support.side_by_side import Process, Repository

ROWS = 1_000
TEXTS = [
    line
    for path in sorted((ROOT / "evals/corpus/logs").glob("*.log"))
    for line in path.read_text(encoding="utf-8").splitlines()
]

_PACKAGES = (release_1, release_2, release_3)


def package_of(release: int) -> str:
    """The package of a release."""
    return _PACKAGES[release - 1].__name__


@dataclass(frozen=True, slots=True)
class Releases:
    """Processes, one of release 1 and of release 3 and two of release 2: ``early`` follows its flags as a service does,
    and ``late`` hears of a change only when the test lets it ``look``."""

    one: list[Process]
    two: list[Process]
    three: list[Process]
    early: KnownFlags
    late: KnownFlags


@asynccontextmanager
async def releases(url: str) -> AsyncIterator[Releases]:
    """All processes; nobody has work yet."""
    listener = Listener(url)
    async with AsyncExitStack() as stack:
        pools = {}
        for name in ("1", "2 early", "2 late", "3"):
            pools[name] = Pool(url, max_size=8, name="test-release")
            stack.push_async_callback(pools[name].stop)
        early = KnownFlags(pools["2 early"], listener, schema="lines")
        late = KnownFlags(pools["2 late"], Listener(url), schema="lines")
        await late.look()
        await stack.enter_async_context(running([listener, early]))
        repositories: dict[str, Repository] = {
            "1": first.LineRepository(),
            "2 early": second.LineRepository(Flags(early)),
            "2 late": second.LineRepository(Flags(late)),
            "3": third.LineRepository(),
        }
        one, *two, three = (Process(name, repository, pools[name]) for name, repository in repositories.items())
        yield Releases([one], two, [three], early, late)


class Schema:
    """What an operator does to the schema; the processes go on meanwhile."""

    def __init__(self, url: str, pool: Pool) -> None:
        self._url = url
        self._pool = pool

    async def expand(self, release: int = 2) -> list[str]:
        """The job before a release is rolled out."""
        return await asyncio.to_thread(migrate, self._url, "lines", package_of(release))

    async def contract(self) -> list[str]:
        """What is done by hand, with release 3."""
        return await asyncio.to_thread(migrate, self._url, "lines", package_of(3), "contract")

    async def undo(self, release: int, phase: Literal["expand", "contract"], revision: str) -> list[str]:
        """Take it back."""
        return await asyncio.to_thread(undo, self._url, "lines", package_of(release), phase, revision)

    async def fill(self, target: Field, *, pages: int | None = None) -> int:
        """Backfill without pauses, ``pages`` of 100 rows at most; how many rows were not the same."""
        changed, done = 0, 0
        async with aclosing(backfill(self._pool, target, rows=100, share=1.0)) as filling:
            async for page in filling:
                changed, done = changed + page.changed, done + 1
                if done == pages:
                    break
        return changed

    async def differing(self) -> int:
        """How many rows are not the same under both names."""
        return await differing(self._pool)

    async def problem(self, release: int) -> str | None:
        """What ``/readyz`` of that release says of the schema."""
        async with self._pool.connection() as connection:
            return await misfit(connection, needs(package_of(release)))
