"""What type a message is stays known while it waits, though the ladder returns it by the name of its queue."""

from aiops_common.deferral import Deferred
from aiops_common.messaging.incoming import Incoming
from aiops_common.messaging.names import TYPE_HEADER
from aiops_common.messaging.retry import RetryPolicy
from aiops_common.messaging.settlement import Settlement
from support.fake_broker import FakeIncoming, FakePublisher

OWN_USERS = frozenset({"shop"})


async def test_a_message_without_a_type_of_its_own_keeps_its_routing_key() -> None:
    publisher = FakePublisher()
    ways = Settlement(owner="shop", queue="shop.work", publisher=publisher, policy=RetryPolicy())
    first = FakeIncoming(b"{}", exchange="ingress.acme", user_id="acme", type=None, routing_key="shop.do.v1")
    await ways.defer(Incoming.of(first.raw, OWN_USERS), Deferred("busy"))
    copy = publisher.sent[0].message
    again = FakeIncoming(b"{}", user_id="shop", exchange="aiops.retry", routing_key="shop.work", type=copy.type)
    letter = ways.dead_letter(Incoming.of(again.raw, OWN_USERS), "deadline_spent", "", Deferred("busy"))
    assert letter.headers[TYPE_HEADER] == "shop.do.v1"
