"""How fast a ticket goes from the mutation to its visible result, beside FastAPI with Celery on the same servers, and
what tracing costs.

Run by `make bench`. Only ratios within one run count: absolute figures are the machine's. See README.md for what is
compared and why it is fair.
"""

import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aiops_local.stack import Stack
from measuring import overhead
from measuring.outcome import NotDrained
from measuring.overhead import EVERY, UNTRACED, Turn
from measuring.report import Pair, show, write_json
from measuring.rounds import Plan, measure, measure_loaded
from measuring.sink import sink
from measuring.wrk import LoadFailed
from sides.ours import Ours, Tracing
from sides.peer import Peer, Tuning
from sides.side import servers

ROOT = Path(__file__).resolve().parents[1]
_LOG_WIDTH = 160


def main(
    seconds: Annotated[float, typer.Option(help="Length of each measurement under load.")] = 15,
    pairs: Annotated[int, typer.Option(min=0, help="How often each side is measured, in turn.")] = 2,
    clients: Annotated[int, typer.Option(min=1, help="Connections that send at the same time.")] = 32,
    warm_up: Annotated[float, typer.Option(help="Seconds of load before each measurement.")] = 5,
    rate: Annotated[float, typer.Option(help="Tickets per second in the paced part.")] = 100,
    paced_seconds: Annotated[float, typer.Option(help="Length of the paced part.")] = 10,
    keys: Annotated[bool, typer.Option("--keys", help="Send idempotency keys; the peer has none.")] = False,
    turns: Annotated[int, typer.Option(min=0, help="How often tracing is measured: without, 100 %, 1 %.")] = 3,
    turn_seconds: Annotated[float, typer.Option(help="Length of each of these measurements.")] = 8,
    web_processes: Annotated[int, typer.Option(help="The peer's uvicorn workers.")] = 1,
    worker_pool: Annotated[str, typer.Option(help="The peer's Celery pool.")] = "solo",
    worker_processes: Annotated[int, typer.Option(help="The peer's Celery concurrency.")] = 1,
    json: Annotated[Path | None, typer.Option(help="Also write the figures to this file.")] = None,
) -> None:
    """Measure ours and the peer in turn, and print both with the ratio."""
    # A log or a pipe has no width of its own.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _LOG_WIDTH)
    plan = Plan(clients, warm_up, seconds, rate, paced_seconds)
    state = Path(tempfile.gettempdir()) / f"aiops-bench-{os.getpid()}"
    try:
        with servers(ROOT, state) as stack:
            tuning = Tuning(web_processes, worker_pool, worker_processes)
            measured = _measure(stack, plan, pairs, tuning, keys=keys, console=console)
            taken = _measure_tracing(stack, replace(plan, seconds=turn_seconds), turns, console)
    except (LoadFailed, NotDrained) as error:
        console.print(f"[bold red]failed[/bold red] {error}\n{' '.join(error.__notes__)}")
        raise typer.Exit(1) from None
    if measured:
        show(measured, console)
    if taken:
        overhead.show(taken, console)
    if json:
        write_json(measured, plan, json, tracing=overhead.as_json(taken))


def _measure(stack: Stack, plan: Plan, pairs: int, tuning: Tuning, *, keys: bool, console: Console) -> list[Pair]:
    console.print("[dim]preparing[/dim]")
    ours = Ours(stack, with_keys=keys)
    ours.prepare()
    with ours.running():
        peer = Peer(stack, ours.log_in(), tuning)
    peer.prepare()
    measured = []
    for number in range(1, pairs + 1):
        console.print(f"[dim]pair {number} of {pairs}: ours, then the peer[/dim]")
        measured.append((measure(ours, number, plan), measure(peer, number, plan)))
    return measured


def _measure_tracing(stack: Stack, plan: Plan, turns: int, console: Console) -> list[Turn]:
    taken: list[Turn] = []
    with sink() as collector:
        sides = {UNTRACED: Ours(stack)} | {
            traced.name: Ours(stack, tracing=Tracing(collector.url, traced.share)) for traced in EVERY
        }
        for number in range(1, turns + 1):
            console.print(f"[dim]tracing {number} of {turns}: {', '.join(sides)}[/dim]")
            # Every other turn backwards, so that a machine that warms up or slows down favours none.
            order = list(sides) if number % 2 else list(reversed(sides))
            found = {name: measure_loaded(sides[name], f"turn{number}x{order.index(name)}", plan) for name in order}
            taken.append({name: found[name] for name in sides})
    return taken


if __name__ == "__main__":
    # So that everything that was started is ended too when the run is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    typer.run(main)
