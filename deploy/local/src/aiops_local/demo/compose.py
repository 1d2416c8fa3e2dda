"""`python -m aiops_local.demo.compose`: show the main job on what `make compose-up` started; it keeps running.

Exits with 1 if a step failed, with 2 if there is no such stack.
"""

import asyncio
import subprocess
from pathlib import Path

import typer
from rich.text import Text

from aiops_local.demo.report import Report, terminal_or_plain
from aiops_local.demo.scene import Scene
from aiops_local.demo.story import Failure, tell
from aiops_local.layout import Layout, write_private

ROOT = Path(__file__).resolve().parents[5]
ENVIRONMENT = ROOT / ".local" / "compose.env"

_SUMMARIZED = ("rabbitmq", "postgres")
_LAST_LINES = 12


def main() -> None:
    """Tell the same story as `make demo`."""
    report = Report(terminal_or_plain())
    if not ENVIRONMENT.exists():
        report.failed(f"{ENVIRONMENT} is not there: run `make compose-up` first")
        raise typer.Exit(2)
    # People may have written into it too.
    lines = [line for line in ENVIRONMENT.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    report.heading("AI Ops Assistant in containers")
    report.done("ready: ", Text(environment["GRAPHQL_URL"], style="bold"))
    layout = Layout.of(ENVIRONMENT.parent / "compose")
    for service in _SUMMARIZED:
        write_private(layout.log(service), _logs(service))
    scripted_llm = "llm" in environment["COMPOSE_PROFILES"].split(",")
    scene = Scene.opening(ROOT, layout.logs, environment, report, scripted_llm=scripted_llm)
    failures = asyncio.run(tell(scene))
    _conclude(report, failures)
    if failures:
        raise typer.Exit(1)


def _conclude(report: Report, failures: list[Failure]) -> None:
    for failure in failures:
        report.failed(f"{failure.title}: {failure.reason}")
    for service in dict.fromkeys(failure.service for failure in failures if failure.service):
        report.note(f"the end of the log of {service}:")
        report.quote("\n".join(_logs(service).splitlines()[-_LAST_LINES:]))
    report.console.print()
    if not failures:
        report.done(Text("the demo went through", style="bold green"))
    report.note("The stack stays up; `make compose-down` stops it.")


def _logs(service: str) -> str:
    """What the containers of `service` wrote. Raises CalledProcessError."""
    command = ("docker", "compose", "--env-file", str(ENVIRONMENT), "logs", "--no-color", "--no-log-prefix", service)
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=True)  # noqa: S603 - names of ours
    return run.stdout


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
