"""What is kept of owners' replies, so that a repetition gets the answer that was given first.

Who it is about, and what they wrote, never changes with a version: it is left out of what is kept, so that the read
model stays the only place here that holds it, and is read from there when the reply is made again. A changelog may have
megabytes, and they do change with its versions: it is kept only where the reply is of no use without it.
"""

from typing import Any, Final, TypeVar
from uuid import UUID

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_contracts.auth import AuthReply
from aiops_contracts.changelog import ChangelogReply
from aiops_contracts.triage import TicketStatusReply, TriageCorrectionReply
from aiops_gateway.repository import accounts, read_model
from aiops_gateway.repository.read_model import CHANGELOGS, TICKETS
from aiops_gateway.service.answers import Answer

T = TypeVar("T", TicketStatusReply, TriageCorrectionReply)

_OF_A_TICKET: Final = ("title", "body", "reporter_email")
_OF_AN_ACCOUNT: Final = ("email", "display_name")
_WITH_ITS_CHANGELOG: Final = ("UPDATED", "VERSION_CONFLICT")


def ticket_reply_to_keep(reply: TicketStatusReply | TriageCorrectionReply) -> Answer:
    """A reply about a ticket as JSON, without what people wrote and who they are."""
    personal: dict[str, Any] = {**dict.fromkeys(_OF_A_TICKET, True), "triage": {"similar"}}
    return reply.model_dump(mode="json", exclude={"ticket": personal})


async def kept_ticket_reply(pool: Pool, kept: Answer, kind: type[T]) -> T:
    """The reply again; the tickets that are like this one are those of now, they bear the titles of others.

    Raises:
        DatabaseUnavailable: the read model does not have the ticket, because it is being rebuilt.
    """
    if not kept["ticket"]:
        return kind.model_validate(kept)
    async with pool.connection() as connection:
        current = await read_model.get(connection, TICKETS, kept["ticket"]["id"])
    if current is None:
        raise DatabaseUnavailable("the read model does not have this ticket now; repeat it with the same key")
    stays = {name: getattr(current, name) for name in _OF_A_TICKET}
    if kept["ticket"]["triage"] and current.triage:
        stays["triage"] = {**kept["ticket"]["triage"], "similar": current.triage.similar}
    return kind.model_validate({**kept, "ticket": {**kept["ticket"], **stays}})


def changelog_reply_to_keep(reply: ChangelogReply) -> Answer:
    """A reply about a changelog as JSON; of a refusal, which changed nothing, only which version was refused."""
    if reply.changelog is None or reply.outcome in _WITH_ITS_CHANGELOG:
        return reply.model_dump(mode="json")
    about = {"id": str(reply.changelog.id), "version": reply.changelog.version}
    return {**reply.model_dump(mode="json", exclude={"changelog"}), "refused": about}


async def kept_changelog_reply(pool: Pool, kept: Answer) -> ChangelogReply:
    """The reply again; a refusal without the changelog where the read model does not have that version any more."""
    said = dict(kept)
    refused = said.pop("refused", None)
    if refused is None:
        return ChangelogReply.model_validate(said)
    async with pool.connection() as connection:
        current = await read_model.get(connection, CHANGELOGS, UUID(refused["id"]))
    same = current if current is not None and current.version == refused["version"] else None
    return ChangelogReply.model_validate({**said, "changelog": same})


def decision_to_keep(reply: AuthReply) -> Answer:
    """A reply about an account as JSON, without its address and name."""
    return reply.model_dump(mode="json", exclude={"user": set(_OF_AN_ACCOUNT), "sealed_tokens": True})


async def kept_decision(pool: Pool, kept: Answer) -> AuthReply:
    """The reply again; without the account where that was removed meanwhile."""
    if not kept["user"]:
        return AuthReply.model_validate(kept)
    async with pool.connection() as connection:
        current = await accounts.get_user(connection, kept["user"]["id"])
    stays = current and {name: getattr(current, name) for name in _OF_AN_ACCOUNT}
    return AuthReply.model_validate({**kept, "user": stays and {**kept["user"], **stays}})
