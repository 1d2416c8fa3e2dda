"""The keys by which tokens are verified, in memory: read again when the database tells, or a token names another."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_common.single_flight import SingleFlight
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Unauthenticated
from aiops_gateway.repository import accounts

LOOK_AGAIN_SECONDS = 5.0
"""Between two reads for tokens that name unknown keys: anybody can make up as many of those as they like."""


class SigningKeys:
    """Verifies tokens with the keys that the database has."""

    def __init__(self, pool: Pool, verifier: TokenVerifier, *, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._verifier = verifier
        self._elapsed = elapsed
        self._loaded = False
        # Counts what was forgotten: an answer that was on its way meanwhile may be the old one, and is not kept.
        self._forgotten = 0
        self._loading = SingleFlight[None]()
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")

    def forget(self) -> None:
        """Read the keys again next time."""
        self._forgotten += 1
        self._loaded = False

    async def verify(self, token: str) -> UUID:
        """The id of the account that the token was issued to.

        A key may be known to the database before its notification has arrived, so a token that names an unknown one
        has the keys read again, at most once every ``LOOK_AGAIN_SECONDS``.

        Raises:
            Unauthenticated: the token is not valid now.
            DatabaseUnavailable: the keys cannot be read.
        """
        await self._ensure_loaded()
        try:
            return self._verifier.verify(token)
        except Unauthenticated:
            if not self._verifier.lacks_key_of(token):
                raise
        await self._look_again(token)
        return self._verifier.verify(token)

    async def published(self) -> list[Mapping[str, Any]]:
        """The JWKs of the keys that may verify a token now or will, in the order of their kids.

        While they cannot be read these are the ones that were read last: none, if the process has just started.
        """
        with contextlib.suppress(DatabaseUnavailable):
            await self._ensure_loaded()
        return self._verifier.published()

    async def _ensure_loaded(self) -> None:
        if not self._loaded:
            await self._load()

    async def _look_again(self, token: str) -> None:
        async with self._looking:
            if self._verifier.lacks_key_of(token) and self._elapsed() - self._looked_at >= LOOK_AGAIN_SECONDS:
                self._looked_at = self._elapsed()
                await self._load()

    async def _load(self) -> None:
        # Whoever comes while the keys are being read waits for the same answer, unless it may be an old one by now.
        await self._loading.do(self._forgotten, self._read)

    async def _read(self) -> None:
        forgotten = self._forgotten
        async with self._pool.connection() as connection:
            keys = await accounts.signing_keys(connection)
        if forgotten == self._forgotten or not self._loaded:
            self._verifier.use_keys(keys)
            self._loaded = forgotten == self._forgotten
