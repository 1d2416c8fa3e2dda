"""The peer's API: what a team writes with FastAPI and Celery when it wants tickets triaged in the background.

A PENDING row is committed, then the task is published with a confirm. Between the two lies the gap that an outbox
closes: a crash there leaves a row that nobody works on. Sign-in, rules for the input and redaction are the very code
that our gateway runs, so that the comparison is about the architecture.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from aiops_common.messaging.message import new_message_id
from aiops_common.redaction import redact
from aiops_contracts.triage import TriageTicket
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Unauthenticated
from peer.tasks import triage_ticket

_INSERT = """
    INSERT INTO tickets (id, state, title, body, reporter_email, source) VALUES ($1, 'PENDING', $2, $3, $4, $5)
"""


class TicketState(BaseModel):
    """A ticket as its reporter sees it."""

    id: UUID
    state: str
    triage: dict[str, Any] | None = None


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Connections to PostgreSQL and the keys of access tokens for as long as the process serves."""
    verifier = TokenVerifier(issuer="aiops-auth", audience="aiops")
    verifier.use_keys(json.loads(os.environ["PEER_JWKS"]))
    async with asyncpg.create_pool(os.environ["PEER_DATABASE_URL"], min_size=10, max_size=10) as pool:
        app.state.pool, app.state.verifier = pool, verifier
        yield


app = FastAPI(lifespan=lifespan)


async def signed_in(request: Request, authorization: Annotated[str, Header()]) -> UUID:
    """The account behind the access token."""
    verifier: TokenVerifier = request.app.state.verifier
    try:
        return verifier.verify(authorization.removeprefix("Bearer "))
    except Unauthenticated as error:
        raise HTTPException(401, str(error)) from None


User = Annotated[UUID, Depends(signed_in)]


@app.post("/tickets", status_code=202)
async def create_ticket(ticket: TriageTicket, user: User, request: Request) -> TicketState:
    """Accept a ticket: row first, task after the commit."""
    ticket_id = new_message_id()
    title, body = redact(ticket.title).text, redact(ticket.body).text
    source = ticket.source or f"user:{user}"
    await request.app.state.pool.execute(_INSERT, ticket_id, title, body, ticket.reporter_email, source)
    # Publishing waits for the broker's confirm and would block the event loop.
    await run_in_threadpool(triage_ticket.apply_async, (str(ticket_id), ticket.title, ticket.body))
    return TicketState(id=ticket_id, state="PENDING")


@app.get("/tickets/{ticket_id}")
async def get_ticket(ticket_id: UUID, _user: User, request: Request) -> TicketState:
    """The ticket as it is by now."""
    row = await request.app.state.pool.fetchrow("SELECT id, state, triage FROM tickets WHERE id = $1", ticket_id)
    if row is None:
        raise HTTPException(404, "there is no such ticket")
    return TicketState(id=row["id"], state=row["state"], triage=json.loads(row["triage"]) if row["triage"] else None)
