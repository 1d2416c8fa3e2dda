"""Where the parts of the read model come from: whom to ask, and how the answer is kept."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from aiops_common.messaging.requests import Requester
from aiops_common.postgres import Connection
from aiops_contracts.auth import (
    ReplayApiKeys,
    ReplayedApiKeys,
    ReplayedSigningKeys,
    ReplayedUsers,
    ReplaySigningKeys,
    ReplayUsers,
)
from aiops_contracts.base import Command, Request, Snapshot
from aiops_contracts.changelog import GenerateChangelog, ReplayChangelogs, ReplayedChangelogs
from aiops_contracts.summarizer import ReplayedLogs, ReplayLogs, SummarizeLog
from aiops_contracts.triage import ReplayedTickets, ReplayTickets, TriageTicket
from aiops_gateway.domain.parts import Part
from aiops_gateway.repository import rebuild, vanished
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Kind
from aiops_gateway.service.pending import Origin, pending_changelog, pending_log, pending_ticket

Replayed: TypeAlias = (
    ReplayedLogs | ReplayedTickets | ReplayedChangelogs | ReplayedUsers | ReplayedSigningKeys | ReplayedApiKeys
)

PRINCIPAL = "service:gateway"
_PAGE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Accepted:
    """Work of a part that the gateway accepted: until its owner tells of it, the row is made from its command."""

    kind: Kind[Any]
    command: type[Command]
    pending: Callable[[Any, Origin], Snapshot]


@dataclass(frozen=True, slots=True)
class Vanishing:
    """What must not be believed any longer once its owner does not list it: the ids there are, and how they end."""

    known: Callable[[Connection], Awaitable[set[UUID]]]
    end: Callable[[Connection, Collection[UUID]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Source:
    """One part: its table, who owns it, how a page is asked for and its snapshots are written."""

    part: Part
    table: str
    owner: str
    request: Callable[..., Request]
    answer: type[Replayed]
    repair: Callable[[Connection, Sequence[Any]], Awaitable[int]]
    accepted: Accepted | None = None
    vanishing: Vanishing | None = None

    async def page(self, requester: Requester, after: Any) -> Replayed:
        """The page behind ``after``; the first one for None. Raises NoReply."""
        request = self.request(after=after, limit=_PAGE_ROWS)
        return await requester.ask(self.owner, request, self.answer, principal=PRINCIPAL)


def _jobs(part: Part, owner: str, request: type[Request], answer: type[Replayed], accepted: Accepted) -> Source:
    repair = partial(_repair, accepted.kind)
    return Source(part, accepted.kind.table, owner, request, answer, repair, accepted)


async def _repair(kind: Kind[Any], connection: Connection, snapshots: Sequence[Any]) -> int:
    return await rebuild.repair(connection, kind, snapshots)


SOURCES: Mapping[Part, Source] = {
    source.part: source
    for source in (
        Source(
            Part.SIGNING_KEYS,
            "signing_keys",
            "auth",
            ReplaySigningKeys,
            ReplayedSigningKeys,
            rebuild.repair_signing_keys,
        ),
        Source(
            Part.USERS,
            "users",
            "auth",
            ReplayUsers,
            ReplayedUsers,
            rebuild.repair_users,
            vanishing=Vanishing(vanished.account_ids, vanished.remove_accounts),
        ),
        Source(
            Part.API_KEYS,
            "api_keys",
            "auth",
            ReplayApiKeys,
            ReplayedApiKeys,
            rebuild.repair_api_keys,
            vanishing=Vanishing(vanished.api_key_ids, vanished.revoke_api_keys),
        ),
        _jobs(
            Part.LOG_ENTRIES, "summarizer", ReplayLogs, ReplayedLogs, Accepted(LOG_ENTRIES, SummarizeLog, pending_log)
        ),
        _jobs(Part.TICKETS, "triage", ReplayTickets, ReplayedTickets, Accepted(TICKETS, TriageTicket, pending_ticket)),
        _jobs(
            Part.CHANGELOGS,
            "changelog",
            ReplayChangelogs,
            ReplayedChangelogs,
            Accepted(CHANGELOGS, GenerateChangelog, pending_changelog),
        ),
    )
}
