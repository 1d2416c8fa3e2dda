"""The owners with their own databases, asked without a broker; and the read model to compare."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel

from aiops_auth.repository import Repository
from aiops_auth.service import Replays
from aiops_changelog.repository import ChangelogRepository
from aiops_changelog.service import ChangelogService
from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, new_message_id
from aiops_common.messaging.requests import NoReply, Requester
from aiops_common.postgres import Pool
from aiops_contracts.auth import ReplayApiKeys, ReplaySigningKeys, ReplayUsers
from aiops_contracts.base import Request
from aiops_contracts.changelog import ReplayChangelogs
from aiops_contracts.summarizer import ReplayLogs
from aiops_contracts.triage import ReplayTickets
from aiops_summarizer.raw_contents import RawContents
from aiops_summarizer.repository import LogRepository, RawContentRepository
from aiops_summarizer.service import SummarizerService
from aiops_triage.repository import TicketRepository
from aiops_triage.service import TriageService
from integration.gateway.conftest import minute
from support.content_keys import keyring

A = TypeVar("A", bound=BaseModel)

TABLES = ("log_entries", "tickets", "changelogs", "users", "signing_keys", "api_keys")


class Owners(Requester):
    """Answers requests at once; ``away`` are owners that do not, ``failures`` how many answers fail first."""

    def __init__(self, pools: dict[str, Pool]) -> None:
        super().__init__("amqp://gateway@localhost/", name="test")
        replays = Replays(transactions=pools["auth"].transaction, repository=Repository())
        self._answers: dict[type[Request], Callable[[Delivery[Any]], Any]] = {
            ReplayLogs: SummarizerService(
                pools["summarizer"],
                LogRepository(),
                RawContents(pools["summarizer"], RawContentRepository(), keyring()),
                print,
                None,
                Leases(pools["summarizer"], seconds=None),
            ).replay,
            ReplayTickets: TriageService(
                pools["triage"], TicketRepository(), print, None, Leases(pools["triage"], seconds=None)
            ).replay,
            ReplayChangelogs: ChangelogService(
                pools["changelog"], ChangelogRepository(), print, None, Leases(pools["changelog"], seconds=None)
            ).replay,
            ReplayUsers: replays.users,
            ReplaySigningKeys: replays.signing_keys,
            ReplayApiKeys: replays.api_keys,
        }
        self.away: set[str] = set()
        self.failures = 0
        self.asked: list[tuple[str, Any]] = []

    def answer(self, request: type[Request], answer: Callable[[Delivery[Any]], Any]) -> None:
        """Answer this request in another way."""
        self._answers[request] = answer

    async def ask(
        self, owner: str, request: Request, answer: type[A], *, principal: str, message_id: UUID | None = None
    ) -> A:
        """As the broker would have it: by way of JSON."""
        self.asked.append((owner, getattr(request, "after", None)))
        if owner in self.away:
            raise NoReply(f"{owner} did not answer within 1 s")
        if self.failures:
            self.failures -= 1
            raise NoReply("not now")
        assert request.message_type.startswith(f"{owner}.")
        asked = type(request).model_validate_json(request.model_dump_json())
        delivery = Delivery(id=new_message_id(), message=asked, principal=principal, attempt=1, time=minute(0))
        reply = await self._answers[type(request)](delivery)
        return answer.model_validate(orjson.loads(orjson.dumps(reply.model_dump(mode="json"))))


async def dump(pool: Pool) -> dict[str, list[str]]:
    """Every row of the read model as text, in order."""
    async with pool.connection() as connection:
        return {
            table: [row["row"] for row in await connection.fetch(f"SELECT t::text AS row FROM {table} AS t ORDER BY 1")]
            for table in TABLES
        }


async def empty_owners(pools: dict[str, Pool]) -> None:
    """Nobody owns anything."""
    owned = {"summarizer": "log_entries", "triage": "tickets", "changelog": "changelogs", "auth": "signing_keys"}
    for name, table in owned.items():
        async with pools[name].transaction() as connection:
            await connection.execute(f"TRUNCATE {table}")
            if name == "auth":
                await connection.execute("TRUNCATE api_keys")
                await connection.execute("TRUNCATE accounts CASCADE")
