"""What is compared: two ways to do the same job on the same servers."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
import psycopg

from aiops_local import postgres, rabbitmq
from aiops_local.stack import Stack
from measuring.outcome import Table
from measuring.wrk import Target

SUPERUSER_SECONDS = 120.0
"""How long a provisioning step or a start may take."""


@dataclass(frozen=True, slots=True)
class Running:
    """A side that takes requests: where to send them, where results appear, what it is made of, and what it tells."""

    target: Target
    table: Table
    processes: dict[str, psutil.Process]
    metrics: Sequence[str] = ()
    """Addresses of Prometheus metrics."""


class Side(Protocol):
    """One way; ``prepare`` comes once, ``running`` starts its processes and ends them again."""

    name: str

    def prepare(self) -> None:
        """Schemas, queues, accounts."""

    def running(self) -> AbstractContextManager[Running]:
        """The side, ready for requests."""


def server_processes(stack: Stack) -> dict[str, psutil.Process]:
    """PostgreSQL and RabbitMQ, which both sides use."""
    return {name: process_of(stack, name) for name in (postgres.NAME, rabbitmq.NAME)}


def process_of(stack: Stack, name: str) -> psutil.Process:
    """The living process ``name``. Raises RuntimeError when it is gone."""
    process = stack.processes.running(name)
    if process is None:
        raise RuntimeError(f"{name} does not run:\n{stack.processes.last_lines(name)}")
    return process


@contextmanager
def servers(root: Path, state: Path) -> Iterator[Stack]:
    """PostgreSQL and RabbitMQ in the new directory ``state``; everything is ended and removed afterwards.

    When something fails, the logs stay behind, beside ``state``.
    """
    stack = Stack(root, state)
    try:
        stack.postgres.start()
        with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
            # The clock of "visible": see measuring.outcome. It counts from the next start on.
            connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            # What one measurement leaves behind would be cleaned up at the cost of a later one: see measuring.rounds.
            connection.execute("ALTER SYSTEM SET autovacuum = off")
        stack.postgres.stop()
        stack.postgres.start()
        stack.rabbitmq.start()
        yield stack
    except Exception as error:
        kept = state.with_name(f"{state.name}-logs")
        shutil.copytree(stack.layout.logs, kept)
        error.add_note(f"The logs of all processes are in {kept}")
        raise
    finally:
        stack.clean()
        shutil.rmtree(state)
