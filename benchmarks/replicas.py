"""How throughput grows with processes of a worker, where each ticket waits a second for the language model.

    .venv/bin/python benchmarks/replicas.py [--processes 1 --processes 2 --processes 4] [--json figures.json]

The model is scripted and answers after --delay; so many of its calls may run at once as all processes together allow.
Each measurement hands in more tickets than are done meanwhile, and counts between the first tenth of the results and
the last, when every process is busy. What is expected is Little's law: processes x calls at once / delay.
docs/scaling.md says what the figures mean.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.request import Request, urlopen

import psutil
import psycopg
import typer
from rich.console import Console
from rich.table import Table

from aiops_local.processes import Command
from aiops_local.readiness import accepts_connections, answers_http, wait_until
from aiops_local.services import LLM
from aiops_local.stack import Stack
from measuring import cpu, outcome, wrk
from measuring.outcome import NotDrained
from measuring.wrk import LoadFailed
from sides.ours import Ours
from sides.side import SUPERUSER_SECONDS, process_of, servers

ROOT = Path(__file__).resolve().parents[1]
_LOG_WIDTH = 140
_MORE_THAN_IS_DONE = 1.5


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement; ``per_second`` in the steady part, ``connections`` are the workers' at PostgreSQL at most.

    ``cpu`` is seconds per 1,000 tickets by process; the workers' is of all of them together.
    """

    processes: int
    calls_at_once: int
    expected_per_second: float
    per_second: float
    degraded: int
    tickets: int
    connections: int
    others_percent: float
    cpu: cpu.Usage


def main(
    processes: Annotated[list[int] | None, typer.Option(min=1, help="How many; may be repeated.")] = None,
    calls_at_once: Annotated[int, typer.Option(min=1, help="LLM_MAX_CONCURRENCY of each process.")] = 8,
    delay: Annotated[float, typer.Option(help="Seconds until the model answers.")] = 1.0,
    seconds: Annotated[float, typer.Option(help="How long tickets are handed in, each time.")] = 25,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures to this file.")] = None,
) -> None:
    """Measure a worker with 1, 2 and 4 processes under a slow language model."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_WIDTH)
    state = Path(tempfile.gettempdir()) / f"aiops-replicas-{os.getpid()}"
    found = []
    try:
        with servers(ROOT, state) as stack:
            ours = Ours(stack)
            ours.prepare()
            with _front(stack, ours, delay) as target:
                for count in processes or [1, 2, 4]:
                    console.print(f"[dim]{count} processes[/dim]")
                    found.append(_measure(stack, target, count, calls_at_once, delay, seconds))
            stored = _stored(stack)
    except (LoadFailed, NotDrained) as error:
        console.print(f"[bold red]failed[/bold red] {error}\n{' '.join(error.__notes__)}")
        raise typer.Exit(1) from None
    _show(found, console)
    console.print("bytes on disk per ticket: " + ", ".join(f"{schema} {size:,.0f}" for schema, size in stored.items()))
    if json_file:
        figures = {"measurements": [asdict(one) for one in found], "bytes_per_ticket": stored}
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


@contextmanager
def _front(stack: Stack, ours: Ours, delay: float) -> Iterator[wrk.Target]:
    """Everything but the workers: the model, auth, and the gateway, which takes more than they do."""
    names = (LLM, "auth", "gateway")
    try:
        stack.processes.start(stack.services.scripted_llm())
        for name in names[1:]:
            stack.processes.start(ours.command(name))
        _wait(stack, *names)
        script = json.dumps({"steps": [{"kind": "delay", "seconds": delay}]}).encode()
        url = f"{stack.services.url(LLM)}/script"
        urlopen(Request(url, data=script, method="POST"), timeout=30).close()
        yield wrk.Target(f"{stack.services.url('gateway')}/graphql", "graphql", ours.log_in())
    finally:
        for name in reversed(names):
            stack.processes.stop(name)


def _wait(stack: Stack, *names: str) -> None:
    """Until the processes are ready."""
    ready = {
        name: partial(accepts_connections, stack.services.ports[name])
        if name == LLM
        else partial(answers_http, f"{stack.services.url(name)}/readyz")
        for name in names
    }
    wait_until(ready, SUPERUSER_SECONDS, stack.processes.check)


def _measure(stack: Stack, target: wrk.Target, count: int, calls_at_once: int, delay: float, seconds: float) -> Figures:
    expected = count * calls_at_once / delay
    table = outcome.Table(stack.postgres.url, "gateway.tickets", "(document ->> 'source')")
    label = f"replicas{count}"
    commands = [_worker(stack, f"triage-{number}", calls_at_once) for number in range(count)]
    names = [command.name for command in commands]
    try:
        for command in commands:
            stack.processes.start(command)
        _wait(stack, *names)
        before = cpu.read(_groups(stack, names))
        # Faster than they are done, all the time: a backlog, and no more of one than is done soon after.
        rate = expected * _MORE_THAN_IS_DONE
        # Each client makes about four requests a second: wrk takes one that pauses for long for one without an answer.
        wrk.run(target, label, clients=max(2, round(rate / 4)), seconds=seconds, rate=rate)
        connections = _connections(stack)
        outcome.drain(table, label, timeout=seconds * 10)
        after = cpu.read(_groups(stack, names))
        done = outcome.read(table, label)
    finally:
        for name in names:
            stack.processes.stop(name)
    degraded = _degraded(stack, label)
    return Figures(
        processes=count, calls_at_once=calls_at_once, expected_per_second=expected, per_second=_steady(table, label),
        degraded=degraded, tickets=done.completed, connections=connections,
        others_percent=cpu.others_percent(before, after), cpu=_summed(cpu.per_thousand(before, after, done.completed)),
    )  # fmt: skip


def _worker(stack: Stack, name: str, calls_at_once: int) -> Command:
    usual = stack.services.serve("triage", scripted_llm=True)
    own = {
        "TRIAGE_PORT": str(stack.services.ports[name]),
        "TRIAGE_LLM_FOR": "all",
        "LLM_MAX_CONCURRENCY": str(calls_at_once),
    }
    environment = {key: value for key, value in usual.environment.items() if key != "TRACES_FILE"}
    return replace(usual, name=name, environment={**environment, **own})


def _groups(stack: Stack, workers: list[str]) -> dict[str, psutil.Process]:
    return {name: process_of(stack, name) for name in (*workers, "gateway", "postgres", "rabbitmq", LLM)}


def _summed(usage: cpu.Usage) -> cpu.Usage:
    workers = sum(seconds for name, seconds in usage.items() if name.startswith("triage-"))
    return {"triage": workers} | {name: value for name, value in usage.items() if not name.startswith("triage-")}


def _steady(table: outcome.Table, label: str) -> float:
    """Results per second from the first tenth of them to the last, by the times at which they became visible."""
    with psycopg.connect(table.url, autocommit=True) as connection:
        rows = connection.execute(
            f"""
            SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS visible FROM {table.name}
            WHERE {table.label} LIKE %s AND state = 'SUCCEEDED' ORDER BY visible
            """,
            [f"{label}.%"],
        ).fetchall()
    first, last = len(rows) // 10, len(rows) * 9 // 10
    return float((last - first) / (rows[last][0] - rows[first][0]))


def _degraded(stack: Stack, label: str) -> int:
    """Tickets that the model was asked about and did not decide; there should be none."""
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM gateway.tickets WHERE document ->> 'source' LIKE %s "
            "AND document -> 'triage' -> 'provenance' ->> 'engine' <> 'LLM'",
            [f"{label}.%"],
        ).fetchone()
    return int(row[0]) if row else 0


def _connections(stack: Stack) -> int:
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'triage'").fetchone()
    return int(row[0]) if row else 0


def _stored(stack: Stack) -> dict[str, float]:
    """Bytes of each schema's tables, with their indexes, for each ticket that was handed in."""
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        rows = connection.execute(
            """
            SELECT nspname, sum(pg_total_relation_size(c.oid)) / (SELECT count(*) FROM gateway.tickets)
            FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
            WHERE relkind = 'r' AND nspname IN ('gateway', 'triage', 'triage_history') GROUP BY nspname ORDER BY nspname
            """
        ).fetchall()
    return {schema: float(size) for schema, size in rows}


def _show(found: list[Figures], console: Console) -> None:
    table = Table(box=None, header_style="bold")
    columns = ("processes", "calls at once", "expected/s", "completed/s", "of it", "degraded", "tickets", "connections")
    for column in (*columns, "% used by others", *(f"CPU s per 1,000: {name}" for name in found[0].cpu)):
        table.add_column(column, justify="right")
    for one in found:
        share = f"{100 * one.per_second / one.expected_per_second:.0f} %"
        counts = (str(one.degraded), str(one.tickets), str(one.connections), f"{one.others_percent:.1f}")
        rates = (f"{one.expected_per_second:.0f}", f"{one.per_second:.1f}", share)
        usage = (f"{seconds:.2f}" for seconds in one.cpu.values())
        table.add_row(str(one.processes), str(one.processes * one.calls_at_once), *rates, *counts, *usage)
    console.print(table)


if __name__ == "__main__":
    # So that everything that was started is ended too when the run is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    typer.run(main)
