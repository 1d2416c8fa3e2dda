"""A message whose properties the client library cannot decode does no harm to its neighbours."""

import httpx
import pytest

from integration.messaging.conftest import Handled
from integration.messaging.test_consumer import send_as_gateway
from support.eventually import eventually
from support.queues import take
from support.servers import Broker

BEYOND_THE_YEAR_9999 = 10**15


@pytest.mark.parametrize(
    "properties", [{"timestamp": BEYOND_THE_YEAR_9999}, {"headers": {"h": [[[["deep"]]]]}, "timestamp": 2**62}]
)
async def test_it_is_dead_lettered_and_its_neighbour_is_handled(
    broker: Broker, handled: Handled, properties: dict[str, object]
) -> None:
    async with httpx.AsyncClient(base_url=broker.management_url, timeout=10, trust_env=False) as api:
        body = {
            "properties": {"content_type": "application/json", **properties}, "payload_encoding": "string",
            "routing_key": "triage.triage_ticket.v1", "payload": "{}",
        }  # fmt: skip
        (await api.post("/api/exchanges/%2F/ingress.acme/publish", json=body)).raise_for_status()
    await send_as_gateway(broker, "neighbour")

    async def arrived() -> bool:
        return len(handled.deliveries) == 1

    await eventually(arrived)
    letter = await eventually(lambda: take(broker.amqp_url, "triage.dead"))
    assert letter is not None
    assert letter.headers["x-aiops-reason"] == "content_type"
