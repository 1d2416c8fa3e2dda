"""GraphQL over HTTP, WebSocket and server-sent events, at one path.

Sources: https://graphql.github.io/graphql-over-http/draft/ (what is answered with which status and media type),
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md (distinct connections mode).
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any, Final, cast

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import MissingQueryError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.types import QueryParams
from strawberry.schema import BaseSchema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET
from typing_extensions import override

from aiops_gateway.graphql import bodies, media, persisted
from aiops_gateway.graphql.context import Context, UseCases
from aiops_gateway.graphql.metrics import count_errors
from aiops_gateway.graphql.websocket import WebSocketAdapter, WebSocketHandler
from aiops_gateway.service.admission import VISIT

_STATUS: Final[Mapping[str, int]] = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
"""extensions.code → status of an answer without data, in the media type whose status says how it went."""

_ANSWERED_ONCE: Final = frozenset({OperationType.QUERY, OperationType.MUTATION})
_WAYS_TO_SUBSCRIBE: Final = (
    "over WebSocket (graphql-transport-ws), or as server-sent events (accept: text/event-stream)"
)


class Endpoint(GraphQL[Context, None]):
    """The schema as an ASGI application.

    ``init_seconds`` is how long a WebSocket may stay without ``connection_init``, ``operations`` how many may be open
    on one; ``ide`` is the path of a page to which browsers are sent that come without a query, None where there is
    none.
    """

    graphql_transport_ws_handler_class = WebSocketHandler
    websocket_adapter_class = WebSocketAdapter

    def __init__(
        self,
        schema: BaseSchema,
        use_cases: UseCases,
        *,
        origins: tuple[str, ...],
        init_seconds: float = 10.0,
        operations: int = 20,
        ide: str | None = None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if ide else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=init_seconds),
            max_subscriptions_per_connection=operations,
            allowed_origins=origins,
        )
        self._use_cases = use_cases
        self._ide = ide

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point; what is refused before GraphQL begins is told as GraphQL errors are."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self.run(request)
        except HTTPException as error:
            response = self._refusal(request, error)
        await response(scope, receive, send)

    def _refusal(self, request: Request, error: HTTPException) -> Response:
        code = error.code if isinstance(error, bodies.TooLarge) else "BAD_USER_INPUT"
        count_errors([code])
        told = {"message": error.reason, "extensions": {"code": code}}
        headers = {}
        if error.status_code == 405:
            headers["Allow"] = "POST" if request.method == "GET" else "GET, POST"
        return self._response({"errors": [told]}, error.status_code, _media_type(request), headers)

    def _response(
        self, content: object, status: int, media_type: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        return Response(self.encode_json(content), status, headers, f"{media_type}; charset=utf-8")

    @override
    def is_request_allowed(self, request: BaseRequestProtocol) -> bool:
        if request.method == "PUT":
            # https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md#single-connection-mode reserves with it
            raise HTTPException(
                405, "the single connection mode of server-sent events is not offered: open one connection for each"
            )
        if not super().is_request_allowed(request):
            raise HTTPException(405, f"{request.method} is not offered: send a POST, or a query by GET")
        return True

    @override
    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        if self._ide is None or request.method != "GET" or "query" in request.query_params:
            return False
        return media.accepts(request.headers.get("accept", ""), media.HTML)

    @override
    async def render_graphql_ide(self, request: Request) -> Response:
        return RedirectResponse(self._ide or "/", status_code=303)

    @override
    async def run(self, request: Any, context: Any = UNSET, root_value: None = None) -> Any:
        if context is UNSET and request.scope["type"] == "http" and bodies.is_large(request):
            context = await self.get_context(request, Response())
            await bodies.check_credential(context)
        return await super().run(request, context, root_value)

    @override
    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """The request.

        Raises:
            HTTPException: it is none, or in a media type that is not ours (415): a browser sends forms and plain text
                for any page without asking first.
        """
        if request.method == "POST" and not media.is_json(request.content_type or ""):
            raise HTTPException(
                415, f"the content-type is {request.content_type or 'missing'}; it must be application/json, in UTF-8"
            )
        data = await super().parse_http_body(request)
        if isinstance(data, GraphQLRequestData) and not isinstance(data.operation_name, str | None):
            raise HTTPException(400, "operationName must be a string or null")
        return data

    @override
    async def execute_single(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        sub_response: Response,
        context: Context,
        root_value: None,
        request_data: GraphQLRequestData,
    ) -> ExecutionResult:
        # Unlike the library, which runs subscriptions here too, as if they were queries.
        allowed = {OperationType.QUERY} if request_adapter.method == "GET" else _ANSWERED_ONCE
        try:
            return await self.schema.execute(
                request_data.query,
                root_value=root_value,
                variable_values=request_data.variables,
                context_value=context,
                operation_name=request_data.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=request_data.extensions,
            )
        except MissingQueryError:
            raise HTTPException(400, "there is no query in the request") from None
        except CannotGetOperationTypeError as error:
            raise HTTPException(400, error.as_http_error_reason()) from None
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.MUTATION:
                raise HTTPException(405, "a mutation must be sent by POST: a GET changes nothing") from None
            raise HTTPException(400, f"a subscription is served {_WAYS_TO_SUBSCRIBE}") from None

    @override
    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        sub_response = await super().get_sub_response(request)
        sub_response.media_type = _media_type(request)
        return sub_response

    @override
    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer; without ``data`` where execution never began, as the specification of GraphQL has it (7.1)."""
        answer = await super().process_result(request, result)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            del answer["data"]
        return answer

    @override
    async def create_streaming_response(
        self,
        request: Request | WebSocket,
        stream: Callable[[], AsyncIterator[str]],
        sub_response: Response,
        headers: Mapping[str, str],
    ) -> Response:
        # The library's no-cache lets a browser keep the stream, if it asks again.
        kept_nowhere = {**headers, "Cache-Control": "no-store, no-transform"}
        return await super().create_streaming_response(request, stream, sub_response, kept_nowhere)

    @override
    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        media_type, status = sub_response.media_type or media.JSON, 200
        if media_type == media.GRAPHQL_RESPONSE and "data" not in response_data:
            errors = cast("list[dict[str, Any]]", cast("GraphQLHTTPResponse", response_data)["errors"])
            status = _STATUS.get(errors[0].get("extensions", {}).get("code", ""), 400)
        return self._response(response_data, status, media_type)

    @override
    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """What the resolvers of this request share."""
        address = request.client.host if request.client else None
        return Context(self._use_cases, request.headers.get("authorization"), address, request.scope.get(VISIT))

    @override
    def decode_json(self, data: str | bytes) -> object:
        """The JSON object ``data``. Anything else is no request: a list would be a batch, which is not offered.

        Raises:
            json.JSONDecodeError: which is answered with 400, or ends a WebSocket with 4400.
        """
        try:
            document = bodies.loaded(data)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:  # not UTF-8, a number of thousands of digits, or very deep
            raise json.JSONDecodeError(f"cannot be read: {type(error).__name__}", "", 0) from None
        if not isinstance(document, dict):
            raise json.JSONDecodeError("it must be an object (batches are not offered)", "", 0)
        # A body is bytes; text are messages of WebSockets, and parts of a query string.
        return persisted.with_operation(document) if isinstance(data, bytes) else persisted.in_message(document)

    @override
    def parse_json(self, data: str | bytes) -> Any:
        """``decode_json`` for HTTP, where what is wrong can be told."""
        try:
            return self.decode_json(data)
        except json.JSONDecodeError as error:
            raise HTTPException(400, f"this is no request in JSON: {error.msg}") from None

    @override
    def parse_query_params(self, params: QueryParams) -> dict[str, Any]:
        return cast("dict[str, Any]", persisted.with_operation(super().parse_query_params(params)))

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


def _media_type(request: Request | WebSocket) -> str:
    return media.of_answer(request.headers.get("accept", ""))
