"""Runs wrk with the script that makes tickets, and reads what it counted."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).resolve().parents[1] / "load" / "triage_ticket.lua"


class LoadFailed(Exception):
    """wrk is missing, ended with an error, or got answers other than an accepted ticket."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where tickets go: ``kind`` is "graphql" or "json"; ``token`` is an access token."""

    url: str
    kind: str
    token: str
    with_keys: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the clients saw: answers that accepted a ticket, over ``seconds``, and how long those took."""

    accepted: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds


def run(target: Target, label: str, *, clients: int, seconds: float, rate: float | None = None) -> Accepted:
    """Send tickets labelled ``label`` for whole ``seconds``: as fast as answers come, or at about ``rate`` per second.

    Raises:
        LoadFailed: see there; a single refused ticket is enough.
    """
    program = shutil.which("wrk")
    if program is None:
        raise LoadFailed("wrk is not installed; `apt-get install wrk`")
    pause = 0 if rate is None else max(1, round(1000 * clients / rate))
    options = ("-t1", f"-c{clients}", f"-d{round(seconds)}s", "--timeout", "10s", "-s", str(_SCRIPT), target.url)
    arguments = (target.kind, label, str(pause), "keys" if target.with_keys else "-")
    ended = subprocess.run(
        [program, *options, "--", *arguments],
        env={**os.environ, "BENCH_TOKEN": target.token},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 60,
    )
    results = [line.removeprefix("RESULT ") for line in ended.stdout.splitlines() if line.startswith("RESULT ")]
    if ended.returncode != 0 or not results:
        raise LoadFailed(f"wrk ended with {ended.returncode}: {ended.stderr.strip() or ended.stdout.strip()}")
    return _accepted(json.loads(results[-1]), target.url)


def _accepted(result: dict[str, float | str], url: str) -> Accepted:
    if result["refused"]:
        raise LoadFailed(f"{url} refused {result['refused']} tickets; the first with {result['first_refusal']}")
    if result["socket_errors"]:
        raise LoadFailed(f"{url}: {result['socket_errors']} connections failed or got no answer within 10 s")
    return Accepted(
        accepted=int(result["accepted"]),
        seconds=float(result["seconds"]),
        p50_ms=float(result["p50_ms"]),
        p99_ms=float(result["p99_ms"]),
    )
