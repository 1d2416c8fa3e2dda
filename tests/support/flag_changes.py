"""Feature flags of examples/renamed_field as they are changed: by docs/migrations.md at a gateway, or at once."""

import re
from datetime import UTC, datetime
from typing import Any

import orjson

from aiops_common.flags import KnownFlags, table
from aiops_common.postgres import Pool
from aiops_common.testing.flags import flag
from aiops_contracts.gateway import FeatureFlagChanged
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.servers import ROOT

_MUTATION = re.compile(
    r'^ {4}(mutation \{ setFeatureFlag\(input: \{key: "(lines\.\w+)", enabled: (true|false), .+)$', re.MULTILINE
)
_VERSION = re.compile(r"expectedVersion: \d+")

MUTATIONS = {
    (key, on == "true"): document
    for document, key, on in _MUTATION.findall((ROOT / "docs/migrations.md").read_text(encoding="utf-8"))
}
"""What docs/migrations.md says that a step, or the way back, is."""


class Administrator:
    """Changes flags by the mutations of the page; what the gateway tells of it comes to the schema ``lines``."""

    def __init__(self, client: GraphqlClient, gateway: Pool, lines: Pool) -> None:
        self._client = client
        self._gateway = gateway
        self._lines = lines
        self._versions: dict[str, int] = {}

    async def turn(self, key: str, *, on: bool) -> int:
        """The new version. The page has the versions of somebody who never goes back and forth."""
        version = self._versions.get(key, 0)
        document = _VERSION.sub(f"expectedVersion: {version}", MUTATIONS[key, on])
        payload = (await self._client.execute(document))["setFeatureFlag"]
        assert payload == {"featureFlag": {"version": version + 1}, "userErrors": []}
        self._versions[key] = version + 1
        await self._tell()
        return version + 1

    async def _tell(self) -> None:
        """As the relay, the broker and a follower do, and more often: every event there was, the newest one first."""
        async with self._gateway.connection() as connection:
            rows = await connection.fetch(
                "SELECT body FROM outbox WHERE routing_key = $1 ORDER BY seq DESC", FeatureFlagChanged.message_type
            )
        for row in rows:
            event = FeatureFlagChanged.model_validate(orjson.loads(row["body"])["data"])
            async with self._lines.transaction() as connection:
                await table.keep(connection, [event.flag])


async def told(lines: Pool, key: str, version: int = 1, **values: Any) -> None:
    """Let the schema ``lines`` know of a flag, whatever the gateway says."""
    changed = flag(key, version=version, updated_at=datetime.now(UTC), **values)
    async with lines.transaction() as connection:
        assert await table.keep(connection, [changed]) == [key]


async def heard(known: KnownFlags, key: str, version: int) -> None:
    """Wait until a process follows that version."""

    async def look() -> bool:
        return key in known.current and known.current[key].version == version

    await eventually(look)
