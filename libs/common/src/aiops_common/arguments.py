"""Arguments that several commands take."""

from datetime import datetime

import typer


def instant(text: str) -> datetime:
    """A point in time in ISO 8601 with its offset from UTC, for typer's ``parser``.

    Raises:
        typer.BadParameter: it is none, or leaves open which zone is meant.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a time in ISO 8601, like 2025-01-31T09:30:00Z") from None
    if at.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no offset from UTC: add Z, or one like +02:00")
    return at
