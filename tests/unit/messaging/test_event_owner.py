"""An event is its owner's word: what others say in its name is not believed, whatever they may publish."""

import json
from typing import Any, ClassVar
from uuid import UUID

import pytest

from aiops_common.messaging.consumer import Consumer, Handler
from aiops_common.messaging.message import Delivery
from aiops_common.messaging.retry import RetryPolicy
from aiops_contracts.base import Event
from support.fake_broker import FakeIncoming, FakePublisher


class Baked(Event):
    """Told by the owner ``test_event_owner``."""

    message_type: ClassVar[str] = "test_event_owner.baked.v1"
    what: str


async def journal_of(user: str, claimed: str | None) -> tuple[list[str], FakePublisher]:
    """What happens to the event when ``user`` publishes it, with this principal in the header."""
    journal: list[str] = []
    publisher = FakePublisher(journal)

    async def eat(_delivery: Delivery[Any]) -> None:
        journal.append("eaten")

    consumer = Consumer(
        owner="shop",
        queue="shop.events",
        handlers={Baked.message_type: Handler(Baked, eat)},
        publisher=publisher,
        trusted_users=frozenset({"shop"}),
        policy=RetryPolicy(max_attempts=5),
    )
    envelope = {
        "id": str(UUID(int=1)), "source": "aiops/test", "type": Baked.message_type, "time": "2025-03-04T09:15:00Z",
        "data": {"what": "bread"},
    }  # fmt: skip
    headers = {} if claimed is None else {"x-aiops-principal": claimed}
    incoming = FakeIncoming(json.dumps(envelope).encode(), journal=journal, headers=headers, user_id=user)
    await consumer.process(incoming.raw)
    return journal, publisher


@pytest.mark.parametrize(
    ("user", "claimed"),
    [
        ("test_event_owner", None),
        ("test_event_owner", "service:thief"),  # who may not speak for others is taken for itself
        ("shop", "partner:test_event_owner"),  # a copy that waited on our ladder
        ("shop", "service:test_event_owner"),
        ("operator", "partner:test_event_owner"),
    ],
)
async def test_an_event_is_believed_of_its_owner(user: str, claimed: str | None) -> None:
    journal, _ = await journal_of(user, claimed)
    assert journal == ["eaten", "ack"]


@pytest.mark.parametrize(
    ("user", "claimed"),
    [
        ("thief", None),
        ("thief", "service:test_event_owner"),
        ("thief", "partner:test_event_owner"),
        ("shop", "partner:thief"),
        ("shop", None),
        ("test_event_owners", None),
    ],
)
async def test_an_event_of_anybody_else_is_poison(user: str, claimed: str | None) -> None:
    journal, publisher = await journal_of(user, claimed)
    assert publisher.sent[0].headers["x-aiops-reason"] == "not_the_owner"
    assert journal == ["publish shop.dead", "ack"]
