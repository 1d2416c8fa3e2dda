"""Triage, started again whenever it is killed; and a ticket with "bomb" in its title kills it, amid the handler.

Run as a program, with the environment of triage and BOMBS, a file that gets one byte for each explosion. With
LEASE_SECONDS deliveries take leases of that length, as those of a triage with a language model do.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import TypeVar

import uvicorn
from pydantic import BaseModel

from aiops_common.llm.port import Completion, Prompt
from aiops_common.logging import setup_logging
from aiops_common.messaging.leases import Leases
from aiops_common.runtime import Runtime
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_triage.consumers import command_handlers
from aiops_triage.prompts import AskedFor
from aiops_triage.repository import TicketRepository
from aiops_triage.service import TriageService
from aiops_triage.settings import TriageSettings

T = TypeVar("T", bound=BaseModel)

FUSE_SECONDS = 0.5
"""Long enough for the neighbours to be done before the process dies."""


class ExplosiveModel(FakeLanguageModel):
    """Answers anything but a bomb."""

    async def complete(self, prompt: Prompt, answer: type[T]) -> Completion[T]:
        """As its parent, if the process lives on."""
        if "bomb" in prompt.user:
            count()
            await asyncio.sleep(FUSE_SECONDS)
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().complete(prompt, answer)


def count() -> None:
    """One explosion more."""
    with Path(os.environ["BOMBS"]).open("a") as bombs:
        bombs.write("!")


def serve() -> None:
    """Triage as its composition root wires it, with the explosive model."""
    settings = TriageSettings()
    setup_logging("triage", settings.log_level)
    runtime = Runtime.build("triage", settings)
    lease = os.environ.get("LEASE_SECONDS")
    leases = Leases(runtime.pool, seconds=float(lease) if lease else None)
    service = TriageService(
        runtime.pool,
        TicketRepository(),
        runtime.relay.hand_over,
        ExplosiveModel(),
        leases,
        asked_for=AskedFor.ALL,
    )
    runtime.consume_commands(command_handlers(service), settings, speaks_for_others="gateway")
    uvicorn.run(runtime.app(), host=settings.host, port=settings.port, log_config=None, timeout_graceful_shutdown=1)


def main() -> None:
    """Live again and again, until a life ends in another way than by SIGKILL."""
    while True:
        # A fork is as good as a new process, without the seconds that the imports take.
        pid = os.fork()
        if pid == 0:
            serve()
            os._exit(0)
        signal.signal(signal.SIGTERM, lambda *_, pid=pid: os.kill(pid, signal.SIGTERM))
        _, status = os.waitpid(pid, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            return


if __name__ == "__main__":
    main()
