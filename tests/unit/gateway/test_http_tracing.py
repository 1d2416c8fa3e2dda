"""The span of an HTTP request: by the conventions, continued from the client's, and without anything it wrote."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import SpanKind, get_current_span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aiops_gateway.app import _middleware
from aiops_gateway.domain.rates import Rate
from aiops_gateway.limits.admission import AdmissionControl
from aiops_gateway.limits.body import BodyLimit
from aiops_gateway.service.admission import VISIT, Admission, AdmissionLimits, TooManyRequests
from aiops_gateway.settings import GatewaySettings
from aiops_gateway.tracing import HttpTracing
from support.content_keys import content_keys
from support.recorded_spans import RecordedSpans, context_of, recorded_spans, status_of, told_of

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FEW = AdmissionLimits(Rate(0.001, 1), Rate(0.001, 1), Rate(0.001, 1), principal_connections=1, address_connections=1)


def answering(status: int, content_type: bytes = b"application/json") -> ASGIApp:
    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": [(b"Content-Type", content_type)]})
        await send({"type": "http.response.body", "body": b"{}"})

    return application


async def serve(
    spans: RecordedSpans,
    application: ASGIApp,
    headers: Mapping[str, str] | None = None,
    *,
    raw: Sequence[tuple[bytes, bytes]] = (),
    around: Callable[[ASGIApp], ASGIApp] | None = None,
    **of: Any,
) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        pass

    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "scheme": "https", "query_string": b"token=hush",
        "server": ("10.1.2.3", 8000), "client": ("192.0.2.7", 1), **of,
        "headers": raw or [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }  # fmt: skip
    traced: ASGIApp = HttpTracing(application, ["/graphql"], spans.tracer)
    await (around(traced) if around else traced)(scope, receive, send)


async def test_a_request_is_told_by_the_conventions_and_without_anything_that_the_client_wrote() -> None:
    sent = {"host": "hush.example.org", "user-agent": "hush/1", "tracestate": "hush=1", "x-forwarded-for": "1.2.3.4"}
    with recorded_spans() as spans:
        await serve(spans, answering(200), sent)
    (span,) = spans.all
    assert (span.name, span.kind, span.parent) == ("POST /graphql", SpanKind.SERVER, None)
    assert status_of(span) == ("UNSET", None)
    assert told_of(span) == {
        "http.request.method": "POST", "http.route": "/graphql", "http.response.status_code": 200,
        "url.scheme": "https", "url.path": "/graphql", "server.address": "10.1.2.3", "server.port": 8000,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["BREW", "post", "x" * 300])
async def test_a_method_that_nobody_knows_stays_outside(method: str) -> None:
    with recorded_spans() as spans:
        await serve(spans, answering(405), method=method)
    assert [span.name for span in spans.all] == ["HTTP /graphql"]
    assert told_of(spans.all[0])["http.request.method"] == "_OTHER"


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/graphql/", "/graphql\n", "/who@example.org"])
async def test_other_paths_are_nobody_s_business(path: str) -> None:
    with recorded_spans() as spans:
        await serve(spans, answering(404), path=path)
    assert spans.all == ()


async def test_the_trace_of_the_client_is_continued() -> None:
    with recorded_spans() as spans:
        await serve(spans, answering(200), {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=hush"})
    (span,) = spans.all
    assert span.parent is not None
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)
    assert not context_of(span).trace_state


async def test_what_the_client_does_not_record_is_not_recorded_here() -> None:
    seen = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(get_current_span().get_span_context())
        await answering(200)(scope, receive, send)

    with recorded_spans(ParentBased(ALWAYS_ON)) as spans:
        await serve(spans, application, {"traceparent": f"00-{TRACE}-{PARENT}-00"})
    assert spans.all == ()
    assert [(f"{one.trace_id:032x}", one.trace_flags.sampled) for one in seen] == [(TRACE, False)]


async def test_the_client_s_word_counts_where_we_would_not_record() -> None:
    with recorded_spans(ParentBased(ALWAYS_OFF)) as spans:
        await serve(spans, answering(200))
        await serve(spans, answering(200), {"traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert [f"{context_of(span).trace_id:032x}" for span in spans.all] == [TRACE]


@pytest.mark.parametrize(
    "values",
    [
        [b""], [b"hush"], [b"00-" + b"0" * 32 + b"-" + PARENT.encode() + b"-01"],
        [f"00-{TRACE}-{'0' * 16}-01".encode()], [f"ff-{TRACE}-{PARENT}-01".encode()],
        [f"00-{TRACE}-{PARENT}".encode()], [f"00-{TRACE.upper()}x-{PARENT}-01".encode()],
        [f"00-{TRACE}-{PARENT}-01-more".encode()], [b"\xff" * 55], [b"0" * 100_000],
        [f"00-{TRACE}-{PARENT}-01".encode()] * 2,
    ],
)  # fmt: skip
async def test_what_is_no_traceparent_begins_a_trace(values: list[bytes]) -> None:
    with recorded_spans() as spans:
        await serve(spans, answering(200), raw=[(b"traceparent", value) for value in values])
    (span,) = spans.all
    assert span.parent is None
    assert f"{context_of(span).trace_id:032x}" != TRACE


async def test_a_fault_is_told_as_one_without_its_words() -> None:
    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ValueError("hush")

    with recorded_spans() as spans:
        await serve(spans, answering(503))
        with pytest.raises(ValueError, match="hush"):
            await serve(spans, application)
    assert [status_of(span) for span in spans.all] == [("ERROR", "503"), ("ERROR", "ValueError")]
    assert [told_of(span)["http.response.status_code"] for span in spans.all] == [503, 500]
    assert "hush" not in "".join(span.to_json() for span in spans.all)


@pytest.mark.parametrize("failure", [ValueError("hush"), asyncio.CancelledError()])
async def test_a_failure_after_the_answer_began_does_not_change_what_was_sent(failure: BaseException) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(200)(scope, receive, send)
        raise failure

    with recorded_spans() as spans, pytest.raises(type(failure)):
        await serve(spans, application)
    (span,) = spans.all
    assert status_of(span) == ("ERROR", type(failure).__name__)
    assert told_of(span)["http.response.status_code"] == 200


async def test_a_request_that_is_broken_off_was_not_answered() -> None:
    async def application(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise asyncio.CancelledError

    with recorded_spans() as spans, pytest.raises(asyncio.CancelledError):
        await serve(spans, application)
    (span,) = spans.all
    assert status_of(span) == ("ERROR", "CancelledError")
    assert "http.response.status_code" not in told_of(span)


def doorkeeper(application: ASGIApp) -> AdmissionControl:
    return AdmissionControl(application, Admission(FEW), frozenset())


def test_the_doorkeeper_stands_outside_of_the_tracing() -> None:
    required = {"database_url": "postgresql://x", "amqp_url": "amqp://x", "content_keys": content_keys()}
    order: list[object] = [one.cls for one in _middleware(GatewaySettings.model_validate(required), is_traced=True)]
    assert order == [AdmissionControl, HttpTracing, BodyLimit]


async def test_who_is_not_let_in_switches_no_recording_on() -> None:
    doors: list[ASGIApp] = []

    def around(application: ASGIApp) -> ASGIApp:
        doors[:] = doors or [doorkeeper(application)]
        return doors[0]

    with recorded_spans() as spans:
        for _ in range(3):
            await serve(spans, answering(200), {"traceparent": f"00-{TRACE}-{PARENT}-01"}, around=around)
    assert [told_of(span)["http.response.status_code"] for span in spans.all] == [200]


async def test_what_a_limit_refuses_inside_is_told_with_its_reason() -> None:
    async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
        scope[VISIT].refused = TooManyRequests("too many", 1.0)
        await answering(200)(scope, receive, send)

    body = BodyLimit(answering(200), max_bytes=10, seconds=1.0, max_held=100)
    with recorded_spans() as spans:
        await serve(spans, too_many, around=doorkeeper)
        await serve(spans, body, {"content-length": "11"})
    told = [(told_of(span)["http.response.status_code"], *status_of(span)) for span in spans.all]
    assert told == [(429, "UNSET", "rate"), (413, "UNSET", "body_too_large")]


async def test_a_stream_is_told_of_when_it_begins() -> None:
    told: list[ReadableSpan] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await answering(200, b"text/event-stream; charset=utf-8")(scope, receive, send)
        told.extend(spans.all)

    with recorded_spans() as spans:
        await serve(spans, application)
    assert [span.name for span in told] == ["POST /graphql"]
    assert len(spans.all) == 1


async def test_a_websocket_has_no_span() -> None:
    with recorded_spans() as spans:
        await serve(spans, answering(200), type="websocket")
    assert spans.all == ()
