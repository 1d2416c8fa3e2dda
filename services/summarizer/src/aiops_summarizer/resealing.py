"""Sealing logs anew under the newest key, so that older keys can be taken away."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from uuid import UUID

import typer

from aiops_common.postgres import DATABASE_FAILURES, Pool
from aiops_common.sealing import Keyring, NotOpenable, UnknownKey
from aiops_summarizer.repository import RawContentRepository

_AT_ONCE = 20
"""Logs of one transaction; each may be a megabyte."""


@dataclass(slots=True)
class Outcome:
    """What became of the sealed logs: how many were sealed anew under ``newest``; those whose key is not set any more,
    by its id; and how many do not open with the key they name."""

    newest: str
    resealed: int = 0
    unknown_keys: dict[str, int] = field(default_factory=dict)
    not_openable: int = 0

    @property
    def left(self) -> int:
        """How many still are sealed under another key."""
        return self.not_openable + sum(self.unknown_keys.values())


async def reseal(pool: Pool, repository: RawContentRepository, keyring: Keyring) -> Outcome:
    """Seal everything under the newest key that is sealed under another.

    Each step is a transaction, so it can be ended at any time and be run again. Raises DatabaseUnavailable.
    """
    outcome = Outcome(keyring.newest)
    async with pool.connection() as connection:
        kept = await repository.key_ids(connection)
    for key in sorted(set(kept) - {keyring.newest}):
        if key not in keyring:
            outcome.unknown_keys[key] = kept[key]
            continue
        after: UUID | None = None
        while True:
            async with pool.transaction() as connection:
                sealed = await repository.sealed_under(connection, key, after, _AT_ONCE)
                if not sealed:
                    break
                # Seconds of work for twenty large logs would be in the way of the connection's own tasks.
                anew = await asyncio.to_thread(_sealed_anew, keyring, sealed)
                await repository.replace(connection, keyring.newest, anew)
            after = sealed[-1][0]
            outcome.resealed += len(anew)
            outcome.not_openable += len(sealed) - len(anew)
    return outcome


def _sealed_anew(keyring: Keyring, sealed: Sequence[tuple[UUID, bytes]]) -> list[tuple[UUID, bytes]]:
    anew = []
    for log_id, text in sealed:
        try:
            anew.append((log_id, keyring.seal(keyring.open(text, about=log_id), about=log_id)))
        except (UnknownKey, NotOpenable):
            continue
    return anew


def run(database_url: str, keyring: Keyring, *, as_json: bool) -> int:
    """Reseal and print what came of it; returns the exit code."""
    try:
        outcome = asyncio.run(_run(database_url, keyring))
    except DATABASE_FAILURES as error:
        typer.echo(f"summarizer: {error}; what was sealed anew stays, run this again", err=True)
        return 1
    done = f"summarizer: {outcome.resealed} logs sealed anew under the key {outcome.newest!r}"
    typer.echo(json.dumps(asdict(outcome)) if as_json else done)
    for key, count in outcome.unknown_keys.items():
        typer.echo(
            f"summarizer: {count} logs are sealed under the key {key!r}, which is not set: add it again", err=True
        )
    if outcome.not_openable:
        typer.echo(f"summarizer: {outcome.not_openable} logs do not open with the key they name", err=True)
    return 1 if outcome.left else 0


async def _run(database_url: str, keyring: Keyring) -> Outcome:
    pool = Pool(database_url, max_size=2, name="aiops-summarizer-reseal")
    try:
        return await reseal(pool, RawContentRepository(), keyring)
    finally:
        await pool.stop()
