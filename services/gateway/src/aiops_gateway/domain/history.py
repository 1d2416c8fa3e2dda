"""The history of an entity: the state at each version, folded from the deltas, and what a reader sees of both.

Documents are the JSON of the owners' snapshots. Readers get them under the names, and with the masks, of the GraphQL
types; a member that those do not have is one that nobody decided on, and is left out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias
from uuid import UUID

from aiops_gateway.domain.access import FIELDS, Viewer, may_see
from aiops_gateway.domain.ids import to_global_id

Delta: TypeAlias = Mapping[str, tuple[Any, Any]]
Place: TypeAlias = tuple[str | int, ...]
"""Where something stands within a value: names of members and numbers of items."""

PARTS: Final[Mapping[str, str]] = {
    "LogEntry.summary": "LogSummary",
    "LogEntry.failure": "JobFailure",
    "LogSummary.patterns": "LogPattern",
    "LogSummary.provenance": "Provenance",
    "Ticket.triage": "Triage",
    "Ticket.failure": "JobFailure",
    "Triage.provenance": "Provenance",
    "Triage.similar": "SimilarTicket",
    "Changelog.sections": "ChangelogSection",
    "Changelog.reverted": "ChangelogEntry",
    "Changelog.needsReview": "ChangelogEntry",
    "Changelog.provenance": "Provenance",
    "Changelog.failure": "JobFailure",
    "ChangelogSection.entries": "ChangelogEntry",
}
"""Fields that hold an object, or a list of objects → the type of these."""

TIMES: Final = frozenset(
    {"createdAt", "updatedAt", "firstSeen", "lastSeen", "correctedAt", "approvedAt", "publishedAt"}
)
"""Fields that hold a point in time: written as the rest of the API writes them."""

IDS: Final[Mapping[str, str]] = {
    "SimilarTicket.ticketId": "Ticket",
    "Triage.correctedBy": "User",
    "Changelog.approvedBy": "User",
    "Changelog.publishedBy": "User",
}
"""Fields that hold the id of something else → the type of that: shown as its global id."""

_CALLED: Final[Mapping[str, str]] = {"ChangelogEntry.entryId": "id"}
"""Fields that are called otherwise in the owner's documents."""


class TooMuchHistory(Exception):
    """More was asked for than one answer may hold; the text says how to ask for less."""


def states(deltas: Iterable[Delta], before: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """The document after each delta, starting from ``before``; at first every field is null."""
    document = dict(before or {})
    for delta in deltas:
        document = {**document, **{name: after for name, (_, after) in delta.items()}}
        yield document


@cache
def members(type_name: str) -> Mapping[str, str]:
    """The fields of a GraphQL type → the names of the same in the owner's documents."""
    owned = (field.partition(".") for field in FIELDS)
    return {
        name: _CALLED.get(f"{kind}.{name}") or re.sub("[A-Z]", lambda capital: f"_{capital[0].lower()}", name)
        for kind, _, name in owned
        if kind == type_name
    }


def changed(type_name: str, version: int, delta: Delta, viewer: Viewer) -> Iterator[tuple[str, Any, Any]]:
    """Name, value before and value after of each field that changed, as its owner told; nothing is masked yet.

    The first version lists also those that ``viewer`` may not see and that stayed null: otherwise the list would tell
    that they did not.
    """
    for name, member in members(type_name).items():
        if member in delta:
            yield name, *delta[member]
        elif version == 1 and not may_see(viewer, f"{type_name}.{name}"):
            yield name, None, None


def shown(field: str, value: Any, viewer: Viewer, hidden: list[Place], place: Place = ()) -> Any:
    """The value of ``Type.field`` as ``viewer`` sees it; where something is hidden is added to ``hidden``."""
    if not may_see(viewer, field):
        hidden.append(place)
        return None
    if value is None:
        return None
    if field in PARTS:
        return _part(PARTS[field], value, viewer, hidden, place)
    if field in IDS:
        return to_global_id(IDS[field], UUID(value))
    if field.partition(".")[2] in TIMES:
        return datetime.fromisoformat(value).isoformat()
    return value


def shown_object(
    type_name: str, document: Mapping[str, Any], viewer: Viewer, hidden: list[Place], place: Place = ()
) -> dict[str, Any]:
    """All fields of a document of ``type_name``, as ``shown``."""
    return {
        name: shown(f"{type_name}.{name}", document.get(member), viewer, hidden, (*place, name))
        for name, member in members(type_name).items()
    }


def _part(type_name: str, value: Any, viewer: Viewer, hidden: list[Place], place: Place) -> Any:
    if isinstance(value, list):
        return [shown_object(type_name, one, viewer, hidden, (*place, at)) for at, one in enumerate(value)]
    return shown_object(type_name, value, viewer, hidden, place)
