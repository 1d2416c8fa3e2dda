"""One soak run, from a stack that is up to what became of the work."""

import asyncio
import time
from collections.abc import Callable, Mapping

from aio_pika.exceptions import AMQPError
from asyncpg import PostgresError

from aiops_common.tasks import stop_task
from soak import found
from soak.api import Api
from soak.balance import balance, latencies
from soak.chaos import Chaos
from soak.ledger import Ledger
from soak.load import Load
from soak.parts import Parts
from soak.report import Outcome, moment
from soak.schedule import plan

_GATEWAYS = ("gateway", "gateway-2")
_SETTLE_SECONDS = 180.0


async def soak(
    parts: Parts, environment: Mapping[str, str], *, seed: int, seconds: float, rate: float, say: Callable[[str], None]
) -> Outcome:
    """Load and strikes for ``seconds``, then the sum; ``environment`` is what stack.env holds.

    Raises NotReady or ProcessFailed where a part cannot be brought back.
    """
    ledger = Ledger()
    api = Api(lambda: [f"{parts.url(name)}/graphql" for name in _GATEWAYS], ledger.retries)
    load = Load(api, ledger, seed, rate)
    credentials = {"email": environment["ADMIN_EMAIL"], "password": environment["ADMIN_PASSWORD"]}
    await load.log_in(credentials)
    began = time.monotonic()

    def tell(part: str, what: str) -> None:
        answered = len(ledger.accepted)
        progress = f"{answered:,} accepted, {len(ledger.asked) - answered:,} waiting for an answer"
        say(f"{moment(time.monotonic() - began):>6}  {part:<11} {what:<40} {progress}")

    chaos = Chaos(parts, tell)
    background = [asyncio.create_task(load.stay_logged_in(credentials)), asyncio.create_task(chaos.watch())]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(seconds))
            group.create_task(chaos.run(plan(seed, seconds)))
    finally:
        for task in background:
            await stop_task(task)
        await api.close()
    await chaos.heal()
    ended = time.monotonic()
    tell("everything", "runs; waiting until all has settled")
    databases = (environment["DATABASE_URL"], environment["AMQP_URL"])
    await _settled(*databases)
    settled_seconds = time.monotonic() - ended
    there = await found.look(*databases)
    return Outcome(ledger, chaos.damage, latencies(ledger, there), balance(ledger, there), settled_seconds)


async def _settled(database_url: str, amqp_url: str) -> bool:
    """Whether nothing was on its way any more within the bound."""
    deadline, pause = time.monotonic() + _SETTLE_SECONDS, 0.5
    while time.monotonic() < deadline:
        try:
            if not await found.waiting(database_url, amqp_url):
                return True
        except (AMQPError, PostgresError, OSError):
            pass  # a server that has just come back may still refuse; the deadline counts
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 5.0)
    return False
