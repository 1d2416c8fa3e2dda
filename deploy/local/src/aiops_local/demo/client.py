"""A GraphQL client over HTTP and graphql-transport-ws.

Source of the protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

Json = dict[str, Any]

_LARGEST_ANSWER = 64 * 1024 * 1024


class GraphqlErrors(Exception):
    """The top-level `errors` of an answer; `code` is the extensions.code of the first of them."""

    def __init__(self, errors: list[Json]) -> None:
        super().__init__("; ".join(str(error.get("message", error)) for error in errors))
        self.code = str((errors[0].get("extensions") or {}).get("code", "")) if errors else ""


@dataclass(frozen=True, slots=True)
class GraphqlClient:
    """Speaks to the API at `url` (http or https), with the access token `token` if there is one."""

    url: str
    token: str | None = None
    timeout: float = 30.0

    def signed_in(self, token: str) -> Self:
        """The same client with another access token."""
        return type(self)(self.url, token, self.timeout)

    async def execute(self, document: str, **variables: object) -> Json:
        """The `data` of a query or mutation.

        Raises GraphqlErrors (the answer has errors) or httpx.HTTPError (there was no answer of the API).
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        # trust_env=False: a proxy of the caller's shell has no way to 127.0.0.1.
        async with httpx.AsyncClient(timeout=self.timeout, trust_env=False) as http:
            response = await http.post(self.url, json={"query": document, "variables": variables}, headers=headers)
        try:
            answer = response.json()
        except ValueError:
            raise httpx.HTTPError(f"{self.url} answered {response.status_code} and no JSON") from None
        return _data(answer)

    async def subscribe(self, document: str, **variables: object) -> AsyncGenerator[Json]:
        """Yield the `data` of every answer of a subscription until the server completes it.

        Close it (contextlib.aclosing) to end the subscription. Raises GraphqlErrors, or what websockets raises.
        """
        address = self.url.replace("http", "ws", 1)
        protocol = [Subprotocol("graphql-transport-ws")]
        async with connect(address, subprotocols=protocol, proxy=None, max_size=_LARGEST_ANSWER) as socket:
            await self._open(socket)
            payload = {"query": document, "variables": variables}
            await _send(socket, {"type": "subscribe", "id": "1", "payload": payload})
            async for frame in socket:
                message = json.loads(frame)
                if message["type"] == "next":
                    yield _data(message["payload"])
                elif message["type"] == "error":
                    raise GraphqlErrors(message["payload"])
                elif message["type"] == "ping":
                    await _send(socket, {"type": "pong"})
                elif message["type"] == "complete":
                    return

    async def _open(self, socket: ClientConnection) -> None:
        payload = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        await _send(socket, {"type": "connection_init", "payload": payload})
        first = json.loads(await socket.recv())
        if first["type"] != "connection_ack":
            raise GraphqlErrors([{"message": f"the server sent {first['type']} instead of connection_ack"}])


async def _send(socket: ClientConnection, message: Json) -> None:
    await socket.send(json.dumps(message))


def _data(answer: Json) -> Json:
    if answer.get("errors"):
        raise GraphqlErrors(answer["errors"])
    data: Json = answer["data"]
    return data
