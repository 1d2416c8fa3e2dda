"""Passwords are hashed with Argon2id, a few at a time and off the event loop."""

import asyncio
import base64
import os
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from opentelemetry import trace

from aiops_auth.domain import MAX_PASSWORD_LENGTH
from aiops_auth.metrics import PASSWORD_HASHES_WAITING

_tracer = trace.get_tracer(__name__)

T = TypeVar("T")
Args = TypeVarTuple("Args")

_SALT_BYTES = 16
_HASH_BYTES = 32


class TooManyWaiting(Exception):
    """As many as may wait for a turn to hash wait already, or it took too long: whoever asked is better told now."""


class Passwords:
    """Hashes and verifies passwords.

    At most ``concurrency`` hashes are computed at once, each in ``memory_kib`` KiB; up to ``most_waiting`` wait and the
    rest are turned away, so a flood of log-ins costs neither memory nor the time of those who need no hash.
    Parameters: RFC 9106, section 4.

    An unknown address costs a hash with the parameters in force. A known one costs what its stored hash was made with,
    so after a change of parameters the time of a refusal tells accounts that have not logged in since from unknown
    addresses, until each of them has (``outdated``).
    """

    def __init__(
        self,
        *,
        memory_kib: int,
        time_cost: int,
        parallelism: int,
        concurrency: int,
        most_waiting: int = 128,
        longest_wait_seconds: float = 3.5,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost,
            memory_cost=memory_kib,
            parallelism=parallelism,
            hash_len=_HASH_BYTES,
            salt_len=_SALT_BYTES,
        )
        self._threads = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="argon2")
        self._turns = asyncio.Semaphore(concurrency)
        self._most_waiting = most_waiting
        # The gateway gives up after GATEWAY_REQUEST_SECONDS, 5 by default: whoever waits longer than this would not be
        # there any more when the hash is done, and it would be computed for nobody.
        self._longest_wait_seconds = longest_wait_seconds
        self._waiting = 0
        # Nobody's hash: a random one in the same parameters costs as much to verify as a real one and never matches.
        self._nobody = (
            f"$argon2id$v=19$m={memory_kib},t={time_cost},p={parallelism}"
            f"${_unpadded_base64(os.urandom(_SALT_BYTES))}${_unpadded_base64(os.urandom(_HASH_BYTES))}"
        )

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one of ``concurrency`` turns.

        Whoever looks at the lock of an address, verifies and counts the failure within one turn leaves a flood of
        guesses no more than ``concurrency`` attempts beyond the allowed number.

        Raises:
            TooManyWaiting: ``most_waiting`` wait already, or no turn came within ``longest_wait_seconds``.
        """
        if self._turns.locked() and self._waiting >= self._most_waiting:
            raise TooManyWaiting
        self._waiting += 1
        PASSWORD_HASHES_WAITING.inc()
        since = time.monotonic_ns()
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise TooManyWaiting from None
        finally:
            self._waiting -= 1
            PASSWORD_HASHES_WAITING.dec()
            waited_ms = (time.monotonic_ns() - since) // 1_000_000
            trace.get_current_span().set_attribute("aiops.password_hash.wait_ms", waited_ms)
        try:
            yield
        finally:
            self._turns.release()

    async def hash(self, password: str) -> str:
        """A new hash in PHC string format, with its own salt.

        Raises:
            ValueError: the password breaks the rule (``domain.password_weakness``) so badly that it has no hash.
        """
        prepared = _prepared(password)
        if prepared is None:
            raise ValueError(f"the password is not encodable or longer than {MAX_PASSWORD_LENGTH}; check it first")
        return await self._run(self._hashed, prepared)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether ``password`` belongs to the hash ``stored``; None, for nobody, takes as long and is False.

        Raises:
            argon2.exceptions.InvalidHashError: ``stored`` is not an Argon2 hash.
        """
        prepared = _prepared(password)
        if stored is None or prepared is None:
            await self._run(self._matches, self._nobody, b"")
            return False
        return await self._run(self._matches, stored, prepared)

    def outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with other parameters than those in force."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        """End the threads once their present hashes are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _hashed(self, prepared: bytes) -> str:
        return self._hasher.hash(prepared)

    def _matches(self, stored: str, prepared: bytes) -> bool:
        try:
            return self._hasher.verify(stored, prepared)
        except VerifyMismatchError:
            return False

    async def _run(self, function: Callable[[*Args], T], *args: *Args) -> T:
        with _tracer.start_as_current_span("hash password", record_exception=False):
            return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)


def _prepared(password: str) -> bytes | None:
    # RFC 8265 (OpaqueString) normalises to NFC, so that keyboards that compose differently give the same password.
    # No account has a password that is longer or that UTF-8 cannot encode; neither may cost or raise anything.
    if len(password) > MAX_PASSWORD_LENGTH:
        return None
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None


def _unpadded_base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()
