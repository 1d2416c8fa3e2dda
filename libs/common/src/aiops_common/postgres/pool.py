"""A pool of connections that starts without a database and recovers by itself."""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Final, TypeAlias

import asyncpg
import orjson
from asyncpg.transaction import Transaction

from aiops_common.logging import get_logger
from aiops_common.outage import Outage
from aiops_common.postgres import metrics
from aiops_common.postgres.errors import UNAVAILABLE, DatabaseUnavailable, translated_errors
from aiops_common.postgres.tracing import Told, connection_class

_log = get_logger(__name__)

Connection: TypeAlias = asyncpg.Connection

GIVE_BACK_SECONDS: Final = 1.0
"""How long the end of a statement that nobody waits for any more is waited for, and a rollback: what takes longer is
left to PostgreSQL, which does both when the connection is gone."""


async def _set_codecs(connection: asyncpg.Connection) -> None:
    # jsonb travels as bytes: callers hand over and get serialised JSON, so nothing is encoded twice.
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )


async def _keep_session(_connection: asyncpg.Connection) -> None:
    """No round trip when a connection is given back: we change no session state, and transactions end by themselves."""


def _encode_jsonb(value: bytes) -> bytes:
    return b"\x01" + value


def _decode_jsonb(value: bytes) -> bytes:
    return bytes(value[1:])


class Pool:
    """Thin layer over asyncpg's pool: lazy, with deadlines, with one error for "not reachable".

    ``jsonb`` values are ``bytes`` of JSON text in both directions. With ``durable=False`` a commit does not wait for
    the disk: what a crash of PostgreSQL then loses must be harmless to lose.
    """

    def __init__(
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 10,
        acquire_seconds: float = 5.0,
        name: str = "aiops",
        durable: bool = True,
    ) -> None:
        self._url = url
        self._min_size = min_size
        self._max_size = max_size
        self._acquire_seconds = acquire_seconds
        self._settings = {"application_name": name, **({} if durable else {"synchronous_commit": "off"})}
        self._connection_class = connection_class(Told(name, url))
        self._wait = metrics.WAIT.labels(name)
        self._name = name
        self._outage = Outage(settle_seconds=5.0)
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    async def start(self) -> None:
        """Open connections if PostgreSQL is there; if it is not, the first use tries again."""
        try:
            await self._opened()
        except DatabaseUnavailable:
            return

    async def stop(self) -> None:
        """Close all connections, waiting a bounded time for those in use."""
        if self._pool is None:
            return
        pool, self._pool = self._pool, None
        try:
            async with asyncio.timeout(self._acquire_seconds):
                await pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        if self._pool is not None:
            return self._pool
        async with self._opening:
            if self._pool is None:
                with translated_errors():
                    self._pool = await asyncpg.create_pool(
                        self._url,
                        min_size=self._min_size,
                        max_size=self._max_size,
                        timeout=self._acquire_seconds,
                        command_timeout=30,
                        init=_set_codecs,
                        connection_class=self._connection_class,
                        reset=_keep_session,
                        server_settings=self._settings,
                    )
                    _watch(self._name, self)
                    metrics.SIZE.labels(self._name).set(self._pool.get_max_size())
            return self._pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow a connection.

        Raises:
            DatabaseUnavailable: none could be had within the deadline, or it broke while in use. Never in place of a
                cancellation: a loop that goes on after this error would not end when it is told to.
        """
        try:
            pool = await self._opened()
            with translated_errors():
                started = time.monotonic()
                try:
                    acquired = await pool.acquire(timeout=self._acquire_seconds)
                finally:
                    self._wait.observe(time.monotonic() - started)
                try:
                    yield acquired
                finally:
                    with suppress(*UNAVAILABLE):  # asyncpg has closed it; who used it knows how that went
                        await pool.release(acquired, timeout=GIVE_BACK_SECONDS)
        except DatabaseUnavailable as error:
            if self._outage.begins():
                _log.warning("database.lost", pool=self._name, error=str(error))
            raise
        if (seconds := self._outage.ends()) is not None:
            _log.info("database.back", pool=self._name, away_seconds=seconds)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection inside a transaction: committed on leaving, rolled back on any exception.

        Raises:
            DatabaseUnavailable: as ``connection``; the transaction may or may not have been committed.
        """
        async with self.connection() as connection, _InTime(connection.transaction()):
            yield connection

    def connections(self, *, idle: bool) -> int:
        """How many are open and idle, or open and in use."""
        if self._pool is None:
            return 0
        unused: int = self._pool.get_idle_size()
        return unused if idle else self._pool.get_size() - unused

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless PostgreSQL answers a query."""
        async with self.connection() as connection:
            await connection.execute("SELECT 1")


class _InTime:
    """``transaction``, rolled back within a bounded time and without an error of its own: whoever leaves it by an
    exception, a cancellation say, leaves by that one."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def __aenter__(self) -> None:
        await self._transaction.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self._transaction.__aexit__(kind, error, trace)
            return
        with suppress(*UNAVAILABLE):
            async with asyncio.timeout(GIVE_BACK_SECONDS):
                await self._transaction.__aexit__(kind, error, trace)


def _watch(name: str, pool: Pool) -> None:
    """Let the gauges ask ``pool`` when they are read; they do not keep it."""
    known = weakref.ref(pool)

    def count(*, idle: bool) -> int:
        asked = known()
        return asked.connections(idle=idle) if asked else 0

    metrics.CONNECTIONS.labels(name, "idle").set_function(lambda: count(idle=True))
    metrics.CONNECTIONS.labels(name, "used").set_function(lambda: count(idle=False))


def encode_json(value: Any) -> bytes:
    """Serialise for a ``jsonb`` parameter."""
    return orjson.dumps(value)
