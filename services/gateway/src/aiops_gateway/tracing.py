"""The span of each HTTP request to the API; a traceparent that came with it is continued.

Names and attributes: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server. Our own instead of
opentelemetry-instrumentation-asgi, for two reasons. What the sampler leaves out must cost next to nothing: that
middleware takes several times as long as this one for a request that nobody will see, because it gathers attributes
and feeds its own metrics before and after all the same. And it writes down what clients send: addresses, user agents,
query strings, unknown paths.
"""

from collections.abc import Iterable
from typing import Final

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, get_tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiops_gateway.limits.refused import REFUSED

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
_OTHER_METHOD: Final = "_OTHER"
_SERVER_ERRORS: Final = 500
_STATUS_CODE: Final = "http.response.status_code"
_ERROR_TYPE: Final = "error.type"

_propagator = TraceContextTextMapPropagator()
_tracer = get_tracer(__name__)


class HttpTracing:
    """One span for each request to one of ``paths``, current while it is served; none for WebSockets.

    The span of a WebSocket would be told of when it closes, hours after all that hangs below it; for the same reason
    that of a request which is answered with a stream ends when the stream begins.
    """

    def __init__(self, app: ASGIApp, paths: Iterable[str], tracer: Tracer = _tracer) -> None:
        self._app = app
        self._tracer = tracer
        self._known = {(method, path): _known(method, path) for path in paths for method in (*_METHODS, _OTHER_METHOD)}
        self._paths = frozenset(path for _, path in self._known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        name, attributes = self._known.get((scope["method"], path)) or self._known[_OTHER_METHOD, path]
        span = self._tracer.start_span(name, _parent(scope["headers"]), SpanKind.SERVER, attributes)
        token = attach(set_span_in_context(span))
        try:
            if span.is_recording():
                await self._recorded(span, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            detach(token)

    async def _recorded(self, span: Span, scope: Scope, receive: Receive, send: Send) -> None:
        is_answered = False

        async def watched_send(message: Message) -> None:
            nonlocal is_answered
            await send(message)
            if message["type"] == "http.response.start":
                is_answered = True
                # Only now: further outside, the message's status is changed where a limit was found to be exceeded.
                _note_status(span, message["status"], scope.get(REFUSED))
                if _is_stream(message):
                    span.end()

        _note_server(span, scope)
        try:
            await self._app(scope, receive, watched_send)
        except BaseException as error:
            _note_failure(span, type(error).__name__)
            if isinstance(error, Exception) and not is_answered:
                span.set_attribute(_STATUS_CODE, _SERVER_ERRORS)  # with which Starlette answers it, further outside
            raise
        finally:
            if span.is_recording():
                span.end()


def _known(method: str, path: str) -> tuple[str, dict[str, str]]:
    name = "HTTP" if method == _OTHER_METHOD else method
    return f"{name} {path}", {"http.request.method": method, "http.route": path, "url.path": path}


def _parent(headers: Iterable[tuple[bytes, bytes]]) -> Context:
    """The trace that the client named, if it named one, and one only.

    Its tracestate is left: anything may stand in it, and nobody here reads it.
    """
    sent = [value for name, value in headers if name == b"traceparent"]
    if len(sent) != 1:
        return Context()
    return _propagator.extract({"traceparent": sent[0].decode("latin-1")}, context=Context())


def _note_server(span: Span, scope: Scope) -> None:
    address, port = scope.get("server") or (None, None)  # where we listen, not what the client calls it
    there = {"url.scheme": scope["scheme"], "server.address": address, "server.port": port}
    span.set_attributes({name: value for name, value in there.items() if value is not None})


def _note_status(span: Span, status: int, refused: str | None) -> None:
    span.set_attribute(_STATUS_CODE, status)
    if status >= _SERVER_ERRORS:
        _note_failure(span, refused or str(status))
    elif refused:
        span.set_attribute(_ERROR_TYPE, refused)


def _note_failure(span: Span, error_type: str) -> None:
    if span.is_recording():  # that of a stream has ended
        span.set_status(StatusCode.ERROR)
        span.set_attribute(_ERROR_TYPE, error_type)


def _is_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message.get("headers", ())
    )
