"""``python -m aiops_common.messaging.deadletter``: what an operator does with dead letters.

The variable AMQP_URL is the address of the broker, with a user that may read the dead queues, e.g. ``operator``.
Exits with 0 if it is done, 1 if the broker refused or nothing matched that was to be shown, replayed or discarded, 2 if
the command line or a variable is wrong.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
import yarl

from aiops_common.arguments import instant
from aiops_common.logging import get_logger, setup_logging
from aiops_common.messaging.deadletter import (
    BrokerUnavailable,
    DeadLetter,
    DeadLetters,
    NoSuchLetter,
    NotReplayable,
    QueueRefused,
    Selection,
    Stopped,
)
from aiops_common.messaging.deadletter.office import MOST_AT_ONCE
from aiops_common.messaging.deadletter.report import in_full, json_line, table
from aiops_common.messaging.metrics import known_types
from aiops_common.messaging.topology import UNROUTED, InvalidTopology, dead_queues, load
from aiops_common.telemetry import setup_telemetry

URL_VARIABLE = "AMQP_URL"
FAILED = 1
MOST_TOLD = 100
"""Ids that stand in the line of a replay or discard."""

_log = get_logger(__name__)
T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


TopologyFile = Annotated[Path, typer.Option("--topology", envvar="AIOPS_TOPOLOGY", help="Names the queues.")]
Queues = Annotated[list[str] | None, typer.Option("--queue", help="Only this queue; may be repeated.")]
Queue = Annotated[str, typer.Option("--queue", help="The queue in which the letters lie.")]
Ids = Annotated[list[UUID] | None, typer.Option("--id", help="Only this letter; may be repeated.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only letters given up for this reason.")]
MessageType = Annotated[str | None, typer.Option("--type", help="Only messages of this type.")]
Before = Annotated[
    datetime | None,
    typer.Option("--before", parser=instant, metavar="TIME", help="Died before, e.g. 2026-01-31T12:00:00Z."),
]
After = Annotated[datetime | None, typer.Option("--after", parser=instant, metavar="TIME", help="Died after.")]
All = Annotated[bool, typer.Option("--all", help="Every letter of the queue; needed where nothing narrows it down.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done and change nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per line.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="Show no more than so many, the newest.")]

TOPOLOGY = Path("deploy/rabbitmq/topology.yaml")


@app.callback()
def dead_letters() -> None:
    """Look at messages that were given up; send them back, or throw them away. AMQP_URL says where."""
    # Standard output is for the answer.
    setup_logging("deadletter", stream=sys.stderr)


@app.command("list")
def list_command(
    queue: Queues = None, topology: TopologyFile = TOPOLOGY, ids: Ids = None, reason: Reason = None,
    message_type: MessageType = None, before: Before = None, after: After = None, limit: Limit = 1000,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show the dead letters of all queues, newest first."""
    selection = _selection(ids, reason, message_type, before, after)
    queues = queue or _queues(topology)
    letters = _run(lambda office: office.browse(queues, selection, limit))
    _print(letters, "found", as_json=as_json, must=False)
    if len(letters) == limit:
        typer.echo(f"only the newest {limit}; --limit shows more", err=True)


@app.command("show")
def show_command(
    letter: Annotated[UUID, typer.Argument(metavar="ID", help="As `list` shows it.")],
    queue: Queues = None, topology: TopologyFile = TOPOLOGY, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Show everything that is known of one dead letter, and its body with personal data and secrets replaced."""
    queues = queue or _queues(topology)
    found = _run(lambda office: office.browse(queues, Selection(ids=frozenset({letter}))))
    for one in found:
        typer.echo(json_line(one) if as_json else "\n".join(in_full(one)))


@app.command("replay")
def replay_command(
    queue: Queue, ids: Ids = None, reason: Reason = None, message_type: MessageType = None,
    before: Before = None, after: After = None, everything: All = False, dry_run: DryRun = False,
    as_json: AsJson = False, topology: TopologyFile = TOPOLOGY,
) -> None:  # fmt: skip
    """Send dead letters back to the queue that they were consumed from, as if they had never been tried."""
    _learn_types(topology)
    selection = _narrowed(_selection(ids, reason, message_type, before, after), everything=everything)
    letters = _run(lambda office: office.replay(queue, selection, dry_run=dry_run))
    if letters and not dry_run:
        _log.info("dead_letters.replayed", **_ids(queue, letters))
    _print(letters, "would replay" if dry_run else "replayed", as_json=as_json)


@app.command("discard")
def discard_command(
    queue: Queue, ids: Ids = None, reason: Reason = None, message_type: MessageType = None,
    before: Before = None, after: After = None, everything: All = False, dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Throw dead letters away for good."""
    selection = _narrowed(_selection(ids, reason, message_type, before, after), everything=everything)
    letters = _run(lambda office: office.discard(queue, selection, dry_run=dry_run))
    if letters and not dry_run:
        _log.info("dead_letters.discarded", **_ids(queue, letters))
    _print(letters, "would discard" if dry_run else "discarded", as_json=as_json)


def _ids(queue: str, letters: list[DeadLetter]) -> dict[str, object]:
    return {"queue": queue, "count": len(letters), "ids": [letter.id for letter in letters[:MOST_TOLD]]}


def _selection(
    ids: Iterable[UUID] | None, reason: str | None, message_type: str | None, before: datetime | None,
    after: datetime | None,
) -> Selection:  # fmt: skip
    return Selection(frozenset(ids) if ids else None, reason, message_type, before, after)


def _narrowed(selection: Selection, *, everything: bool) -> Selection:
    if everything and selection != Selection():
        raise typer.BadParameter("is for the whole queue; leave it out, or leave the filters out", param_hint="--all")
    if not everything and selection == Selection():
        raise typer.BadParameter("say which letters: --id, --reason, --type, --before, --after, or --all")
    return selection


def _queues(topology: Path) -> list[str]:
    try:
        return [*dead_queues(load(topology).services), UNROUTED]
    except (InvalidTopology, OSError) as error:
        raise typer.BadParameter(f"{error}; or name the queues with --queue", param_hint="--topology") from error


def _learn_types(topology: Path) -> None:
    """Spans name those types of messages that are known; without the file they are ``other``, and all else goes on."""
    with suppress(InvalidTopology, OSError):
        for service in load(topology).services.values():
            known_types.add(key for key in (*service.work, *service.events) if not {"*", "#"} & set(key))


def _run(work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    flush_spans = setup_telemetry("deadletter")
    try:
        return asyncio.run(_with_office(_url(), work))
    except Stopped as error:
        for letter in error.done:
            typer.echo(f"done: {letter.id}", err=True)
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from error
    except (NoSuchLetter, NotReplayable, QueueRefused, BrokerUnavailable) as error:
        typer.echo(error, err=True)
        raise typer.Exit(FAILED) from error
    finally:
        flush_spans()


async def _with_office(url: str, work: Callable[[DeadLetters], Awaitable[T]]) -> T:
    office = DeadLetters(url, name="operator")
    await office.start()
    try:
        return await work(office)
    finally:
        await office.stop()


def _url() -> str:
    """From the environment only: everybody on the machine sees the command line."""
    url = os.environ.get(URL_VARIABLE, "")
    try:
        address = yarl.URL(url)
        valid = address.scheme in ("amqp", "amqps") and bool(address.host)
    except ValueError:
        valid = False
    if not valid:  # never quoted: it may hold a password
        raise typer.BadParameter("set it to amqp://user:password@host:port/vhost", param_hint=URL_VARIABLE)
    return url


def _print(letters: list[DeadLetter], done: str, *, as_json: bool, must: bool = True) -> None:
    if as_json:
        for letter in letters:
            typer.echo(json_line(letter))
    elif letters:
        typer.echo("\n".join([*table(letters), "", f"{done} {len(letters)}"]))
        if len(letters) == MOST_AT_ONCE:
            typer.echo("so many at a time: run it again for the rest", err=True)
    if not letters:
        typer.echo("no dead letter matched", err=True)
        if must:
            raise typer.Exit(FAILED)


if __name__ == "__main__":
    app()
