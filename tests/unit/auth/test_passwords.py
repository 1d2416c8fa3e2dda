import asyncio
import threading
from inspect import signature
from time import perf_counter

import pytest
from argon2.exceptions import InvalidHashError

from aiops_auth.passwords import Passwords, TooManyWaiting
from aiops_gateway.settings import GatewaySettings

SECONDS_FOR_THE_HASH = 1.0


async def test_a_password_matches_its_own_hash_only(passwords: Passwords) -> None:
    stored = await passwords.hash("a rather long sentence")
    assert stored.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.verify("a rather long sentence", stored)
    assert not await passwords.verify("a rather long sentenc", stored)
    assert stored != await passwords.hash("a rather long sentence")


async def test_composed_and_decomposed_spellings_are_the_same_password(passwords: Passwords) -> None:
    stored = await passwords.hash("cre\u0300me bru\u0302le\u0301e")
    assert await passwords.verify("cr\u00e8me br\u00fbl\u00e9e", stored)


@pytest.mark.parametrize("hostile", ["", "x" * 1_000_000, "\ud800" * 12, "nul\x00nul\x00nul"])
async def test_what_cannot_be_a_password_matches_nothing_and_raises_nothing(passwords: Passwords, hostile: str) -> None:
    stored = await passwords.hash("a rather long sentence")
    assert not await passwords.verify(hostile, stored)
    assert not await passwords.verify(hostile, None)


async def test_a_password_without_a_hash_is_an_error_that_does_not_quote_it(passwords: Passwords) -> None:
    with pytest.raises(ValueError, match="check it first") as refusal:
        await passwords.hash("secret \ud800")
    assert "secret" not in str(refusal.value)


async def test_a_broken_hash_is_an_error_and_not_a_wrong_password(passwords: Passwords) -> None:
    with pytest.raises(InvalidHashError):
        await passwords.verify("a rather long sentence", "md5:1234")


async def test_other_parameters_are_outdated(passwords: Passwords) -> None:
    stored = await passwords.hash("a rather long sentence")
    stronger = Passwords(memory_kib=16, time_cost=2, parallelism=1, concurrency=1)
    assert not passwords.outdated(stored)
    assert stronger.outdated(stored)
    assert await stronger.verify("a rather long sentence", stored)
    stronger.close()


async def test_nobody_costs_as_much_as_somebody() -> None:
    # Ratio of sums over interleaved runs, at a cost that dwarfs everything else; the bound is wide because machines are
    # noisy, and narrow enough to notice a verification that is skipped.
    real = Passwords(memory_kib=8 * 1024, time_cost=2, parallelism=1, concurrency=1)
    stored = await real.hash("a rather long sentence")
    known = unknown = too_long = 0.0
    for _ in range(8):
        known += await _seconds(real, "a wrong long sentence", stored)
        unknown += await _seconds(real, "a wrong long sentence", None)
        too_long += await _seconds(real, "x" * 200, stored)
    real.close()
    assert 0.5 < unknown / known < 2
    assert 0.5 < too_long / known < 2


async def _seconds(passwords: Passwords, password: str, stored: str | None) -> float:
    start = perf_counter()
    assert not await passwords.verify(password, stored)
    return perf_counter() - start


class CountingPasswords(Passwords):
    """Notes how many verifications run at once."""

    def __init__(self, concurrency: int) -> None:
        super().__init__(memory_kib=1024, time_cost=1, parallelism=1, concurrency=concurrency)
        self.running = self.most = 0
        self._counter = threading.Lock()

    def _matches(self, stored: str, prepared: bytes) -> bool:
        with self._counter:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            return super()._matches(stored, prepared)
        finally:
            with self._counter:
                self.running -= 1


async def test_a_flood_is_hashed_two_at_a_time_while_the_loop_stays_free() -> None:
    counting = CountingPasswords(concurrency=2)
    flood = [asyncio.create_task(counting.verify("a wrong long sentence", None)) for _ in range(50)]
    turns = 0
    while not all(task.done() for task in flood):
        await asyncio.sleep(0)
        turns += 1
    counting.close()
    assert 1 <= counting.most <= 2
    assert turns > 50


async def test_whoever_waits_too_long_for_a_turn_is_turned_away_and_takes_none() -> None:
    slow = Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=1, longest_wait_seconds=0.01)
    async with slow.turn():
        with pytest.raises(TooManyWaiting):
            async with slow.turn():
                pytest.fail("there is one turn only")
    async with slow.turn():
        pass
    slow.close()


def test_nobody_waits_for_a_hash_that_the_gateway_does_not_wait_for() -> None:
    longest = signature(Passwords).parameters["longest_wait_seconds"].default
    assert longest + SECONDS_FOR_THE_HASH < GatewaySettings.model_fields["request_seconds"].default


async def test_whoever_gives_up_waiting_makes_room() -> None:
    narrow = Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=1, most_waiting=1)

    async def wait() -> None:
        async with narrow.turn():
            pass

    async with narrow.turn():
        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        with pytest.raises(TooManyWaiting):
            await wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        patient = asyncio.create_task(wait())
        await asyncio.sleep(0)
        assert not patient.done()
    await patient
    narrow.close()
