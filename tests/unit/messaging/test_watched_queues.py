"""A process watches the queues that the topology gives its service, every one of them."""

import pytest
from pydantic import SecretStr

from aiops_common.messaging.topology import load
from aiops_common.runtime import Runtime
from aiops_common.settings import ServiceSettings
from support.servers import ROOT, SERVICES

TOPOLOGY = load(ROOT / "deploy/rabbitmq/topology.yaml")
SETTINGS = ServiceSettings(
    database_url=SecretStr("postgresql://nobody@localhost/none"), amqp_url=SecretStr("amqp://nobody@localhost/")
)


@pytest.mark.parametrize("service", SERVICES)
def test_every_queue_of_a_service_is_watched(service: str) -> None:
    declared, runtime = TOPOLOGY.services[service], Runtime.build(service, SETTINGS)
    if declared.work:
        runtime.consume_commands({}, SETTINGS, speaks_for_others="gateway")
    if declared.events:
        runtime.consume_events({}, SETTINGS)
    if declared.requests:
        runtime.answer_requests({}, SETTINGS, asked_by={"gateway"})
    own = {queue.name for queue in TOPOLOGY.queues if queue.name.startswith(f"{service}.")}
    assert sorted(runtime.depths.queues) == sorted(own)
    assert runtime.depths in runtime.components
