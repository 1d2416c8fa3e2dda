"""Releases that work on one table at the same time, and somebody who knows what each row has to say.

Every row has one writer, which writes version after version; whoever reads must find the last one that was committed
before, or one that was begun since. The text is a line of a real log behind its version.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aiops_common.postgres import Connection, Pool

WRITERS = 4
READERS = 4
BUSY = 60
"""What each process has to write, and to read, before a stage counts as worked through."""


class Repository(Protocol):
    """What all releases do with a line."""

    async def add(self, connection: Connection, identity: int, source: str, message: str) -> None:
        """Write a new line."""

    async def change(self, connection: Connection, identity: int, message: str) -> bool:
        """Write another message; whether there was such a line."""

    async def find(self, connection: Connection, identity: int) -> str | None:
        """The message of a line."""


@dataclass(eq=False)
class Process:
    """One process of a release."""

    name: str
    repository: Repository
    pool: Pool
    in_hand: int = 0
    done: Counter[str] = field(default_factory=Counter)


class Traffic:
    """Writers and readers, each of whose calls goes to any of the processes that run."""

    def __init__(self, texts: list[str], rows: int, seed: int = 1) -> None:
        self.running: list[Process] = []
        self.wrong: list[str] = []
        self._texts = texts
        self._random = random.Random(seed)
        self._next = rows
        self._begun = dict.fromkeys(range(rows), 0)
        self._committed = dict(self._begun)
        self._changed = asyncio.Condition()
        self._open = asyncio.Event()
        self._open.set()

    def text(self, identity: int, version: int) -> str:
        """What the row ``identity`` says in its ``version``."""
        return f"{version} {self._texts[(identity + version) % len(self._texts)]}"

    @property
    def written(self) -> dict[int, int]:
        """Each row that there must be, with its version."""
        return dict(self._committed)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Write and read without pause; an error of any process fails the test."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._write(number)) for number in range(WRITERS)]
            tasks += [group.create_task(self._read()) for _ in range(READERS)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def run_on(self, *processes: Process) -> None:
        """Let ``processes`` run and no others; returns when the others have ended and each of these was busy."""
        ended = [process for process in self.running if process not in processes]
        self.running = list(processes)
        async with self._changed:
            await self._changed.wait_for(lambda: not any(process.in_hand for process in ended))
        await self.busy()

    async def busy(self) -> None:
        """Wait until each process that runs has written and read some more."""
        goals = [(process, kind, process.done[kind] + BUSY) for process in self.running for kind in ("read", "write")]
        async with self._changed:
            await self._changed.wait_for(lambda: all(process.done[kind] >= goal for process, kind, goal in goals))

    async def check_all(self) -> None:
        """With nobody writing: every process finds every row as it was last written, and there are no others."""
        self._open.clear()
        async with self._changed:
            await self._changed.wait_for(lambda: not any(process.in_hand for process in self.running))
        for process in self.running:
            async with process.pool.connection() as connection:
                assert await connection.fetchval("SELECT count(*) FROM lines") == len(self._committed)
                for identity, version in self._committed.items():
                    found = await process.repository.find(connection, identity)
                    assert found == self.text(identity, version), f"{process.name}: line {identity}"
        assert self.wrong == []
        self._open.set()

    @asynccontextmanager
    async def _at(self, kind: str) -> AsyncIterator[tuple[Process, Connection]]:
        process = self._random.choice(self.running)
        process.in_hand += 1
        try:
            async with process.pool.connection() as connection:
                yield process, connection
            process.done[kind] += 1
        finally:
            process.in_hand -= 1
            async with self._changed:
                self._changed.notify_all()

    async def _write(self, number: int) -> None:
        while True:
            await self._open.wait()
            if self._random.random() < 0.2:
                await self._add()
            else:
                await self._change(self._known(number))

    async def _add(self) -> None:
        identity, self._next = self._next, self._next + 1
        self._begun[identity] = 0
        async with self._at("write") as (process, connection):
            await process.repository.add(connection, identity, "traffic", self.text(identity, 0))
            self._committed[identity] = 0

    async def _change(self, identity: int) -> None:
        version = self._begun[identity] = self._committed[identity] + 1
        async with self._at("write") as (process, connection):
            if not await process.repository.change(connection, identity, self.text(identity, version)):
                self.wrong.append(f"{process.name}: line {identity} was not there to be changed")
            self._committed[identity] = version

    def _known(self, number: int) -> int:
        """A row that is there, of the writer ``number``."""
        while (identity := self._random.randrange(self._next // WRITERS) * WRITERS + number) not in self._committed:
            pass
        return identity

    async def _read(self) -> None:
        while True:
            await self._open.wait()
            identity = self._known(self._random.randrange(WRITERS))
            before = self._committed[identity]
            async with self._at("read") as (process, connection):
                found = await process.repository.find(connection, identity)
            possible = [self.text(identity, version) for version in range(before, self._begun[identity] + 1)]
            if found not in possible:
                self.wrong.append(f"{process.name}: line {identity} says {found!r} and not {possible}")
