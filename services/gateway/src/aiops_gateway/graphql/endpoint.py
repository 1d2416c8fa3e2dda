"""GraphQL over HTTP, WebSocket and server-sent events, at one path."""

import json
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from typing_extensions import override

from aiops_gateway.graphql.context import Context, UseCases


class Endpoint(GraphQL[Context, None]):
    """The schema as an ASGI application."""

    def __init__(self, schema: BaseSchema, use_cases: UseCases, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            allowed_origins=origins,
        )
        self._use_cases = use_cases

    @override
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """What the resolvers of this request share."""
        return Context(use_cases=self._use_cases, authorization=request.headers.get("authorization"))

    @override
    def decode_json(self, data: str | bytes) -> object:
        """The JSON object ``data``. Anything else is no request: a list would be a batch, which is not offered.

        Raises:
            json.JSONDecodeError: which is answered with 400.
        """
        try:
            document = json.loads(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise json.JSONDecodeError(f"cannot be read: {type(error).__name__}", "", 0) from None
        if not isinstance(document, dict):
            raise json.JSONDecodeError("must be an object", "", 0)
        return document

    @override
    def encode_json(self, data: object) -> str:
        """JSON text; as str, because bytes would make the frames of a WebSocket binary."""
        try:
            return orjson.dumps(data, default=_plain).decode()
        except orjson.JSONEncodeError:
            # An error message may quote a lone surrogate that the client sent; JSON can hold it as an escape only.
            return json.dumps(data, default=_plain)


def _plain(value: Any) -> Any:
    return str(value)
