"""What ``python -m aiops_auth rotate-keys`` does."""

import asyncio
import json
import sys
from datetime import datetime

import typer

from aiops_auth.app import key_ring
from aiops_auth.service import Rotation
from aiops_auth.settings import AuthSettings
from aiops_common.logging import setup_logging
from aiops_common.postgres import DATABASE_FAILURES, Pool

FAILED = 1


def rotate_keys(settings: AuthSettings, *, at_once: bool, as_json: bool) -> None:
    """Make new keys and print what changed. A running auth announces them.

    Raises:
        typer.Exit: status 1, after saying why on standard error: PostgreSQL is away or refused.
    """
    try:
        # Standard output is for the answer.
        setup_logging("auth", settings.log_level, stream=sys.stderr)
        rotation = asyncio.run(_rotate(settings, at_once=at_once))
    except DATABASE_FAILURES as error:
        typer.echo(f"auth: {error}; no key was changed", err=True)
        raise typer.Exit(FAILED) from None
    typer.echo(json.dumps(_document(rotation)) if as_json else _text(rotation))


async def _rotate(settings: AuthSettings, *, at_once: bool) -> Rotation:
    pool = Pool(settings.database_url.get_secret_value(), max_size=1, name="aiops-auth-rotate-keys")
    try:
        return await key_ring(settings, pool.transaction).rotate(at_once=at_once)
    finally:
        await pool.stop()


def _document(rotation: Rotation) -> dict[str, object]:
    return {
        "signingKey": {"kid": rotation.signing_key.kid, "signsFrom": _time(rotation.signing_key.signs_from)},
        "ended": [{"kid": key.kid, "verifiesUntil": _time(key.verifies_until)} for key in rotation.ended],
        "credentialKey": {"kid": rotation.credential_kid},
    }


def _text(rotation: Rotation) -> str:
    lines = [f"signing key {rotation.signing_key.kid} signs from {_time(rotation.signing_key.signs_from)}"]
    lines += [f"signing key {key.kid} is believed until {_time(key.verifies_until)}" for key in rotation.ended]
    lines += [f"credential key {rotation.credential_kid} is in use"]
    return "\n".join(lines)


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds") if at else None
