"""`python -m aiops_local.demo`: bring the stack up, show the main job end to end, stop the stack again.

LLM=scripted adds the scripted language model; KEEP=1 leaves the stack running. Exits with 1 if a step failed.
"""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from aiops_local.demo.report import Report, facts, stacked, terminal_or_plain
from aiops_local.demo.scene import Scene
from aiops_local.demo.story import Failure, tell
from aiops_local.installations import NotInstalled
from aiops_local.processes import ProcessFailed
from aiops_local.readiness import NotReady
from aiops_local.stack import Stack

ROOT = Path(__file__).resolve().parents[5]

_LAST_LINES = 12
_YES = ("1", "true", "yes", "on")


def main(
    llm: Annotated[str, typer.Option(envvar="LLM", help="`scripted` adds a scripted language model.")] = "",
    keep: Annotated[str, typer.Option(envvar="KEEP", help="`1` leaves the stack running.")] = "",
    state: Annotated[Path, typer.Option(help="Where the stack has its files.")] = ROOT / ".local",
) -> None:
    """Show the main job end to end on a stack of this checkout."""
    if llm not in ("", "scripted"):
        raise typer.BadParameter(f"LLM={llm} is not known; it is `scripted` or empty")
    # As Ctrl-C, so that a job that is cancelled does not leave the stack behind; a shell that starts the demo in the
    # background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    report = Report(terminal_or_plain())
    stack = Stack(ROOT, state, say=report.note)
    # What runs already belongs to whoever started it.
    keeps = keep.lower() in _YES or any(one.pid for one in stack.status())
    try:
        failures = _perform(stack, report, scripted_llm=llm == "scripted")
        _conclude(stack, report, failures, keeps=keeps)
    finally:
        if not keeps:
            _stop(stack, report)
    if failures:
        raise typer.Exit(1)


def _perform(stack: Stack, report: Report, *, scripted_llm: bool) -> list[Failure]:
    report.heading("AI Ops Assistant: bringing the stack up")
    try:
        with report.waiting("starting what is not running"):
            environment = stack.up(scripted_llm=scripted_llm)
    except (NotInstalled, ProcessFailed, NotReady) as error:
        report.failed(str(error))
        return [Failure("bringing the stack up", "the stack did not come up, see above", "")]
    report.done("ready: ", Text(environment["GRAPHQL_URL"], style="bold"))
    scene = Scene.opening(ROOT, stack.layout.logs, environment, report, scripted_llm=scripted_llm)
    failures = asyncio.run(tell(scene))
    if not failures:
        report.heading("What to try next")
        report.show(_next_steps(stack, scene))
    return failures


def _next_steps(stack: Stack, scene: Scene) -> RenderableType:
    trace = (scene.incident or {}).get("traceId") or "<trace id>"
    url = scene.environment["GRAPHQL_URL"]
    env_file = stack.layout.stack_env
    if env_file.is_relative_to(Path.cwd()):
        env_file = env_file.relative_to(Path.cwd())
    rows = facts(
        [
            ("one request through all services", Text(f"make trace ID={trace[:16]}", style="bold")),
            ("a stack that stays", Text("make demo KEEP=1    or    make up", style="bold")),
            ("its logs", Text("make logs", style="bold")),
            ("GraphQL (HTTP, WebSocket, SSE)", Text(url, style="bold")),
        ]
    )
    sign_in = Text(_CURL.format(env_file=env_file), style="bold")
    return stacked(rows, Text("\nwhile the stack runs, sign in with curl:", style="dim"), sign_in)


def _conclude(stack: Stack, report: Report, failures: list[Failure], *, keeps: bool) -> None:
    if failures:
        report.heading("What failed")
    for failure in failures:
        report.failed(f"{failure.title}: {failure.reason}")
    for service in dict.fromkeys(failure.service for failure in failures if failure.service):
        report.note(f"the end of {stack.layout.log(service)}:")
        report.quote(stack.processes.last_lines(service, _LAST_LINES))
    report.console.print()
    if not failures:
        report.done(Text("the demo went through", style="bold green"))
    if keeps:
        report.note("The stack stays up; `make down` stops it.")


def _stop(stack: Stack, report: Report) -> None:
    with report.waiting("stopping the stack"):
        stack.down()
    report.note("The stack is stopped; its data stays for the next `make up`.")


_CURL = """\
. {env_file}
curl -s $GRAPHQL_URL -H 'content-type: application/json' -d '{{
  "query": "mutation($i: LoginInput!) {{login(input: $i) {{tokens {{accessToken}}}}}}",
  "variables": {{"i": {{"email": "'$ADMIN_EMAIL'", "password": "'$ADMIN_PASSWORD'"}}}}}}'"""


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
