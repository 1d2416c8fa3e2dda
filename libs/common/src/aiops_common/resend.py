"""What ``python -m aiops_NAME resend`` does: messages of the outbox are sent again, e.g. after a queue was lost."""

import asyncio
import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import typer

from aiops_common.messaging import outbox
from aiops_common.messaging.outbox import Selection, Written
from aiops_common.postgres import DATABASE_FAILURES, Connection, Pool
from aiops_common.settings import ServiceSettings

FAILED = 1
BATCH = 1000
"""Messages of one transaction."""

_SECONDS_TO_LOOK = 300
"""No index serves the filters by type and time, and the services' own limit for a statement is shorter."""

_BUSY = ("40P01", "55P03")
"""A deadlock, a lock that was waited for too long: a relay may mark the same rows in another order at this moment."""
_TRIES = 5


@dataclass(slots=True)
class Count:
    """How many messages, and when the first and the last of them were written."""

    count: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, at: datetime) -> None:
        """One more, written at ``at``."""
        self.count += 1
        self.oldest = min(self.oldest or at, at)
        self.newest = max(self.newest or at, at)

    def as_json(self) -> dict[str, object]:
        """Times in ISO 8601 and UTC."""
        return {"count": self.count, "oldest": _text(self.oldest), "newest": _text(self.newest)}


@dataclass(slots=True)
class Tally:
    """What was found, in all and by wire type; of the ids that were asked for, those not seen yet."""

    missing: set[UUID]
    total: Count = field(default_factory=Count)
    types: dict[str, Count] = field(default_factory=dict)

    def add(self, found: Iterable[Written]) -> None:
        """Count messages."""
        for message in found:
            self.missing.discard(message.id)
            for count in (self.total, self.types.setdefault(message.message_type, Count())):
                count.add(message.at)


def resend(name: str, settings: ServiceSettings, selection: Selection, *, dry_run: bool, as_json: bool) -> None:
    """Mark what is selected in the outbox of the service ``name``, and print what it was.

    Raises:
        typer.Exit: status 1, after saying why on standard error: nothing matched, or PostgreSQL is away or refused.
    """
    tally = Tally(missing=set(selection.ids))
    try:
        asyncio.run(_mark(settings.database_url.get_secret_value(), name, selection, tally, dry_run=dry_run))
    except DATABASE_FAILURES as error:
        done = f"; {tally.total.count} messages were marked before, run it again" if tally.total.count else ""
        typer.echo(f"{name}: {error}{'' if dry_run else done}", err=True)
        raise typer.Exit(FAILED) from None
    if not tally.total.count:
        kept = f"{settings.outbox_retention_days} days"
        typer.echo(
            f"{name}: no message in the outbox matches; sent ones are kept for {kept}. Nothing changed.", err=True
        )
        raise typer.Exit(FAILED)
    for identity in sorted(tally.missing):
        typer.echo(f"{name}: {identity} is not in the outbox, or does not match the other filters", err=True)
    _print(name, tally, dry_run=dry_run, as_json=as_json)


async def _mark(url: str, name: str, selection: Selection, tally: Tally, *, dry_run: bool) -> None:
    pool = Pool(url, max_size=1, name=f"aiops-{name}-resend")
    try:
        async with pool.connection() as connection:
            await connection.execute(f"SET statement_timeout = '{_SECONDS_TO_LOOK}s'")
            # Without an end, messages that are being written meanwhile would keep it going.
            until = selection.until or await connection.fetchval("SELECT now()")
            bounded = dataclasses.replace(selection, until=until)
            after: UUID | None = None
            while page := await outbox.matching(
                connection, bounded, after=after, limit=BATCH, timeout_seconds=_SECONDS_TO_LOOK
            ):
                after = page[-1].id
                there = None if dry_run else await _resent(connection, page)
                tally.add(message for message in page if there is None or message.id in there)
    finally:
        await pool.stop()


async def _resent(connection: Connection, page: list[Written]) -> set[UUID]:
    for _ in range(_TRIES - 1):
        try:
            return await outbox.resend(connection, [message.id for message in page])
        except Exception as error:
            if getattr(error, "sqlstate", None) not in _BUSY:
                raise
    return await outbox.resend(connection, [message.id for message in page])


def _print(name: str, tally: Tally, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        document = {
            "service": name,
            "dryRun": dry_run,
            **tally.total.as_json(),
            "types": {message_type: count.as_json() for message_type, count in sorted(tally.types.items())},
            "missing": sorted(map(str, tally.missing)),
        }
        typer.echo(json.dumps(document))
        return
    for message_type, count in sorted(tally.types.items()):
        typer.echo(f"{count.count:>9}  {message_type}  written {_text(count.oldest)} to {_text(count.newest)}")
    did = "dry run: would send again" if dry_run else "to be sent again:"
    typer.echo(f"{name}: {did} {tally.total.count} messages")


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="milliseconds") if at else None
