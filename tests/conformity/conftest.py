"""A gateway that other people's clients speak to."""

import json
from collections.abc import AsyncIterator

import pytest

from aiops_common.postgres import Pool
from support.lone_gateway import LoneGateway, lone_gateway

ORIGIN = "https://console.example"
"""The one foreign origin whose pages may call the API."""


@pytest.fixture(scope="module")
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    """As in production, but that the audits may ask for the schema, and a WebSocket must begin within half a second."""
    async with lone_gateway(
        pools["gateway"], service_database_urls["gateway"],
        introspection=True, cors_origins=json.dumps([ORIGIN]), websocket_init_seconds=0.5,
    ) as running:  # fmt: skip
        yield running
