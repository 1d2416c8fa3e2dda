"""A Jaeger that dies and comes back: nobody waits for it, and what is done afterwards is seen in it again."""

import asyncio

import httpx
import pytest

from aiops_common.postgres import Pool
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.jaeger import Jaeger, jaeger_server
from support.lone_gateway import LoneGateway, lone_gateway

# A gateway and a Jaeger are started, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def whole() -> None:
    """A gateway, its database and a Jaeger are all that this test needs."""


async def test_without_jaeger_everything_goes_on(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> None:
    with jaeger_server() as server:
        tracing = {"OTEL_EXPORTER_OTLP_ENDPOINT": server.otlp, "OTEL_TRACES_SAMPLER": "always_on"}
        async with lone_gateway(pools["gateway"], service_database_urls["gateway"], tracing=tracing) as gateway:
            client, jaeger = gateway.client(await gateway.sign_up()), Jaeger.of(server)
            await eventually(lambda: is_seen(client, jaeger), seconds=60, every=0.5)

            await asyncio.to_thread(server.kill)
            for _ in range(3):
                assert (await client.execute("{ me { id } }"))["me"]["id"]
            assert await is_ready(gateway)

            await asyncio.to_thread(server.start)
            # What it had died with it, so that it has any shows that new spans arrive.
            await eventually(lambda: is_seen(client, jaeger), seconds=60, every=0.5)


async def is_seen(client: GraphqlClient, jaeger: Jaeger) -> bool:
    """Ask something; whether Jaeger has any span of the gateway."""
    assert (await client.execute("{ me { id } }"))["me"]["id"]
    return "aiops-gateway" in await jaeger.services()


async def is_ready(gateway: LoneGateway) -> bool:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        return (await http.get(gateway.url.replace("/graphql", "/readyz"))).status_code == httpx.codes.OK
