"""Triage on a real PostgreSQL, and what is sent to it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import pytest

from aiops_common.messaging.leases import Leases
from aiops_common.messaging.message import Delivery, new_message_id
from aiops_common.postgres import Pool
from aiops_contracts.base import Message
from aiops_contracts.triage import CorrectTriage, TicketSnapshot, TriageTicket
from aiops_triage.engine.model import Example, TrainedModel, train
from aiops_triage.repository import TicketRepository
from aiops_triage.service import TriageService

M = TypeVar("M", bound=Message)

PERSON = UUID("6ab5f2a4-7b0c-4a53-9c1e-2f4b7d1f0c11")
ACTOR = f"user:{PERSON}"


@pytest.fixture
async def pool(pools: dict[str, Pool]) -> Pool:
    """Triage's schema, without what people corrected and without models."""
    async with pools["triage"].transaction() as connection:
        await connection.execute(
            "TRUNCATE tickets, ticket_terms, triage_corrections, triage_models, triage_activations, outbox"
        )
    return pools["triage"]


@pytest.fixture
def triage(pool: Pool) -> TriageService:
    """The service as it runs without a language model."""
    return service(pool)


@pytest.fixture(scope="session")
def trained() -> TrainedModel:
    """A model that tells two categories apart by their words."""
    return train(invented_examples(), ("ACCESS", "BILLING"))


@pytest.fixture
async def clean_models(pool: Pool) -> AsyncIterator[None]:
    """No model afterwards either."""
    yield
    async with pool.transaction() as connection:
        await connection.execute("TRUNCATE triage_models, triage_activations")


def service(pool: Pool, **wired: Any) -> TriageService:
    """Another process of the service."""
    return TriageService(pool, TicketRepository(), print, None, Leases(pool, seconds=None), **wired)


def invented_examples() -> list[Example]:
    """Tickets of two kinds that have few words in common."""
    names = ("north", "south", "east", "west", "upper", "lower", "old", "new", "red", "blue", "green", "grey")
    return [
        *(Example(f"No rights for the {name} folder", f"please let me read it, {name}", "ACCESS") for name in names),
        *(Example(f"Invoice of the {name} shop", f"the amount is wrong twice, {name}", "BILLING") for name in names),
    ]


def delivered(message: M, message_id: UUID | None = None) -> Delivery[M]:
    """A message as the gateway sends it for a person."""
    return Delivery(message_id or new_message_id(), message, ACTOR, attempt=1, time=datetime.now(UTC))


def submitted(title: str, body: str = "", ticket_id: UUID | None = None) -> Delivery[TriageTicket]:
    """A ticket as a client hands it in."""
    return delivered(TriageTicket(title=title, body=body, redacted=True), ticket_id)


def correction(ticket_id: UUID, version: int = 1, **changes: Any) -> Delivery[CorrectTriage]:
    """A request to put a ticket right; by default to BILLING."""
    wanted = changes or {"category": "BILLING"}
    return delivered(CorrectTriage(ticket_id=ticket_id, expected_version=version, corrected_by=PERSON, **wanted))


async def stored(pool: Pool, ticket_id: UUID) -> TicketSnapshot:
    """The ticket as it is now."""
    async with pool.transaction() as connection:
        ticket = await TicketRepository().get_for_update(connection, ticket_id)
    return TicketSnapshot.model_validate(ticket)
