"""`make soak`: steady load while parts are killed at random; ends with the sum and the worst latency.

Run as `PYTHONPATH=tests python -m soak`. It starts a stack of its own; exit code 1 means a loss, a duplicate or
anything else that a user could have noticed, and then the stack's files are kept.
"""

import asyncio
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from aiops_local.processes import ProcessFailed
from aiops_local.readiness import NotReady
from aiops_local.services import SERVICES
from aiops_local.stack import Stack
from soak.parts import Parts, keep_commit_times, replicas
from soak.report import report
from soak.run import soak
from soak.schedule import PARTS
from support.limits import UNTHROTTLED
from support.servers import ROOT, private_port_mapper

_NOT_OURS = ("OPENAI_", "LLM_", "OTEL_", *(f"{name.upper()}_" for name in SERVICES))
_LOG_LINES = 15


def main(
    minutes: Annotated[
        float, typer.Option(min=1, help="How long the load lasts; parts are left alone at its end.")
    ] = 10,
    seed: Annotated[int | None, typer.Option(help="Repeats the strikes and the work of another run.")] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Jobs handed in per second.")] = 20,
    state_dir: Annotated[Path | None, typer.Option(help="Where the stack's files go; they are kept then.")] = None,
) -> None:
    """Hand in work steadily while parts are killed, and check that none of it is lost or done twice."""
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    typer.echo(f"seed {chosen}")
    typer.echo(f"{minutes:g} min, {rate:g} jobs/s; the same again: make soak MINUTES={minutes:g} SEED={chosen}\n")
    for name in [name for name in os.environ if name.startswith(_NOT_OURS)]:
        del os.environ[name]
    os.environ.update(UNTHROTTLED)
    # So that the stack is taken down when the run is told to end.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    private_port_mapper()
    state = state_dir or Path(tempfile.mkdtemp(prefix="aiops-soak-"))
    passed = _run(state, chosen, 60 * minutes, rate, kept=state_dir is not None)
    if passed and state_dir is None:
        shutil.rmtree(state, ignore_errors=True)
    raise typer.Exit(0 if passed else 1)


def _run(state: Path, seed: int, seconds: float, rate: float, *, kept: bool) -> bool:
    """Whether all went well."""
    stack = Stack(ROOT, state)
    parts = Parts(stack)
    began = time.monotonic()
    passed = False
    try:
        keep_commit_times(stack)
        environment = stack.up()
        with replicas(parts):
            typer.echo(f"{len(PARTS)} parts ready after {time.monotonic() - began:.0f} s\n")
            outcome = asyncio.run(soak(parts, environment, seed=seed, seconds=seconds, rate=rate, say=typer.echo))
        passed = outcome.balance.passed
        for line in (*(() if passed else _evidence(state, parts)), *report(outcome)):
            typer.echo(line)
    except* (NotReady, ProcessFailed) as errors:
        reasons = [f"a part did not come back: {error}" for error in errors.exceptions]
        for line in (*_evidence(state, parts), "", *reasons, "FAIL"):
            typer.echo(line)
    except* KeyboardInterrupt:
        typer.echo(f"interrupted; all files of the stack: {state}")
    finally:
        if passed and not kept:
            stack.clean()
        else:
            stack.down()
    return passed


def _evidence(state: Path, parts: Parts) -> list[str]:
    """What every part said last, and where the rest is."""
    logs = [line for name in PARTS for line in ("", f"log of {name}:", parts.last_lines(name, _LOG_LINES))]
    return [*logs, "", f"all files of the stack: {state}"]


if __name__ == "__main__":
    typer.run(main)
