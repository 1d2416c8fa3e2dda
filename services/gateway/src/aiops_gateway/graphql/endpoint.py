"""GraphQL over HTTP, WebSocket and server-sent events, at one path."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from typing_extensions import override

from aiops_gateway.graphql.context import Context, UseCases


class Endpoint(GraphQL[Context, None]):
    """The schema as an ASGI application."""

    def __init__(self, schema: BaseSchema, use_cases: UseCases, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            allowed_origins=origins,
        )
        self._use_cases = use_cases

    @override
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """What the resolvers of this request share."""
        return Context(use_cases=self._use_cases, authorization=request.headers.get("authorization"))

    @override
    def encode_json(self, data: object) -> str:
        """JSON text; as str, because bytes would make the frames of a WebSocket binary."""
        return orjson.dumps(data, default=_plain).decode()


def _plain(value: Any) -> Any:
    return str(value)
