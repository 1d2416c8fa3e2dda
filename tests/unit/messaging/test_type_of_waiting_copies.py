"""What type a message is stays known while it waits, though the ladder returns it by the name of its queue."""

import pytest

from aiops_common.deferral import Deferred
from aiops_common.messaging.incoming import Incoming
from aiops_common.messaging.names import TYPE_HEADER
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.messaging.settlement import Settlement
from support.fake_broker import FakeIncoming, FakePublisher

OWN_USERS = frozenset({"shop"})


@pytest.mark.parametrize("claimed", [None, "bank.transfer.v1"])
async def test_a_message_keeps_its_routing_key_whatever_type_it_claims(claimed: str | None) -> None:
    publisher = FakePublisher()
    ways = Settlement(owner="shop", queue="shop.work", publisher=publisher, policy=RetryPolicy())
    first = FakeIncoming(b"{}", exchange="ingress.acme", user_id="acme", type=claimed, routing_key="shop.do.v1")
    await ways.defer(Incoming.of(first.raw, OWN_USERS), Deferred("busy"))
    copy = publisher.sent[0].message
    again = FakeIncoming(b"{}", user_id="shop", exchange="", routing_key="shop.work", type=copy.type)
    letter = ways.dead_letter(Incoming.of(again.raw, OWN_USERS), "deadline_spent", "", Deferred("busy"))
    assert letter.headers[TYPE_HEADER] == "shop.do.v1"
