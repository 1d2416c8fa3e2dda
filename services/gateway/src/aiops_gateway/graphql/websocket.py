"""graphql-transport-ws: what the library leaves open when a client does not keep to the protocol.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from typing import Any, Final, cast

from graphql import GraphQLError
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from typing_extensions import override

from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.metrics import count_errors
from aiops_gateway.graphql.structure import limit_exceeded
from aiops_gateway.service.admission import TooManyConnections, TooManyRequests
from aiops_gateway.service.refusals import Reason, count_refusal

_LONGEST_ID: Final = 255
"""Characters of an operation's id; it is repeated in every message about the operation."""

_TOO_MANY: Final = 4429
"""Code of a close because of too many: what the protocol has for too many connection_init."""

_LONGEST_REASON: Final = 123
"""Bytes that the reason of a close may have: RFC 6455, 5.5, less the code."""


class WebSocketAdapter(ASGIWebSocketAdapter):
    """The library's, but a close never fails because its reason quotes the client."""

    @override
    async def close(self, code: int, reason: str) -> None:
        short = reason.encode(errors="replace")[:_LONGEST_REASON].decode(errors="ignore")
        await super().close(code, short)


class WebSocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    """One WebSocket. What is not a message of the protocol closes it with 4400 and the reason."""

    @override
    async def handle_message(self, message: Message) -> None:
        complaint = _complaint(message)
        if complaint:
            await self.handle_invalid_message(complaint)
            return
        # A subscribe is counted with its operation, also for the account, unless it is refused before.
        if message["type"] != "subscribe" and not await self._counted():
            return
        if message["type"] == "connection_init" and message.get("payload") is None:
            message.pop("payload", None)  # the protocol allows null, the library does not
        await super().handle_message(message)

    @override
    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        self.context.connection_params = cast("dict[str, Any]", message.get("payload", {}))
        try:
            await self.context.take_seat()
        except TooManyConnections as error:
            await self.websocket.close(_TOO_MANY, str(error))
            return
        await super().handle_connection_init(message)

    async def _counted(self) -> bool:
        """Count a message that is no operation; False, and the WebSocket is closed, where there were too many."""
        try:
            self.context.count_message()
        except TooManyRequests as error:
            await self.websocket.close(_TOO_MANY, str(error))
            return False
        return True

    @override
    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        most = self.max_subscriptions_per_connection
        full = self.connection_acknowledged and most is not None and len(self.operations) >= most
        if full and message["id"] not in self.operations:
            if not await self._counted():
                return
            count_refusal(Reason.OPERATIONS)
            count_errors(["LIMIT_EXCEEDED"])
            told = f"this WebSocket has {most} open operations, the limit; complete one, or open another WebSocket"
            await self.send_message({"id": message["id"], "type": "error", "payload": [limit_exceeded(told).formatted]})
            return
        await super().handle_subscribe(message)

    @staticmethod
    @override
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        # A document that cannot be parsed ends its own operation, not those that share the socket with it.
        return None


def _complaint(message: Any) -> str | None:
    """What is wrong with a message, if anything is; types that nobody knows are left to the library."""
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return "a message must be an object with a type"
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        return "payload must be an object"
    if message["type"] not in ("subscribe", "complete"):
        return None
    identity = message.get("id")
    if not isinstance(identity, str) or not 0 < len(identity) <= _LONGEST_ID:
        return f"id must be a string of 1 to {_LONGEST_ID} characters"
    return _payload_complaint(payload or {}) if message["type"] == "subscribe" else None


def _payload_complaint(payload: dict[str, Any]) -> str | None:
    if not isinstance(payload.get("query"), str):
        return "payload.query must be a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "payload.operationName must be a string or null"
    if not isinstance(payload.get("variables"), dict | None):
        return "payload.variables must be an object or null"
    return None
