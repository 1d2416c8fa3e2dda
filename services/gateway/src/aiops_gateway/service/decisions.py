"""Decisions that somebody waits for: asked of their owner over the broker, answered within a deadline."""

from typing import TypeVar

from pydantic import BaseModel

from aiops_common.messaging.requests import Requester
from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, LogIn, LogOut, RefreshTokens, SetUserRole, SignUp
from aiops_contracts.base import Request
from aiops_contracts.triage import TicketStatusReply, UpdateTicketStatus
from aiops_gateway.domain.access import Viewer
from aiops_gateway.repository import accounts, read_model
from aiops_gateway.repository.read_model import TICKETS
from aiops_gateway.service.acceptance import Identity, claim_key
from aiops_gateway.service.viewers import Viewers

A = TypeVar("A", bound=BaseModel)

ANONYMOUS = "anonymous"


class Decisions:
    """Requests to auth and triage. What an answer tells is projected before it is returned, so that a client that
    reads next sees it. All raise NoReply where the owner does not answer in time."""

    def __init__(self, pool: Pool, requester: Requester, viewers: Viewers) -> None:
        self._pool = pool
        self._requester = requester
        self._viewers = viewers

    async def ask_auth(self, request: SignUp | LogIn | RefreshTokens | LogOut) -> AuthReply:
        """Sign-up, log-in, refresh or log-out."""
        return await self._told(await self._requester.ask("auth", request, AuthReply, principal=ANONYMOUS))

    async def set_user_role(self, viewer: Viewer, request: SetUserRole) -> AuthReply:
        """Give an account another role."""
        return await self._told(await self._ask("auth", request, AuthReply, viewer))

    async def update_ticket_status(
        self, viewer: Viewer, request: UpdateTicketStatus, key: str | None
    ) -> TicketStatusReply:
        """Move a ticket; raises KeyReused where the idempotency key stands for something else."""
        identity = Identity.of(viewer, "updateTicketStatus", key, request)
        await claim_key(self._pool, identity)
        reply = await self._requester.ask(
            "triage", request, TicketStatusReply, principal=viewer.principal, message_id=identity.message_id
        )
        if reply.ticket is not None:
            async with self._pool.transaction() as connection:
                await read_model.project(connection, TICKETS, [reply.ticket])
        return reply

    async def _ask(self, owner: str, request: Request, answer: type[A], viewer: Viewer) -> A:
        return await self._requester.ask(owner, request, answer, principal=viewer.principal)

    async def _told(self, reply: AuthReply) -> AuthReply:
        if reply.user is not None:
            async with self._pool.transaction() as connection:
                await accounts.project_users(connection, [reply.user])
            self._viewers.forget(reply.user.id)
        return reply
