"""Spans of operations and of what subscriptions push, through the real schema."""

import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.trace import ProxyTracer, Span, SpanKind, get_current_span
from prometheus_client import REGISTRY
from strawberry import Schema

from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.graphql.metrics import Outcome
from aiops_gateway.graphql.observation import Observation
from aiops_gateway.graphql.schema import build_schema
from support.recorded_spans import RecordedSpans, context_of, recorded_spans, status_of, told_of
from unit.gateway.fake_api import Api
from unit.gateway.schema import SETTINGS

ADMIN = Viewer(UUID(int=1), Role.ADMIN)
TICKETS = "tickets { totalCount }"
ALL = "subscription Hush { hush: ticketChanged { id } }"
TRACE, WRITER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
WRITTEN = f"00-{TRACE}-{WRITER}-01"


def schema(spans: RecordedSpans) -> Schema:
    return build_schema(SETTINGS, spans.tracer)


async def stream(api: Api, spans: RecordedSpans, document: str) -> AsyncIterator[Any]:
    return await schema(spans).stream(document, context_value=api.context())


def pushes() -> float:
    return REGISTRY.get_sample_value("aiops_graphql_pushes_total", {"subscription": "ticketChanged"}) or 0.0


@pytest.mark.parametrize(
    ("document", "name", "attributes"),
    [
        (f"query Hush {{ hush: {TICKETS} }}", "query tickets", {"graphql.operation.type": "query"}),
        (f"{{ {TICKETS} ticket(id: 1) {{ id }} }}", "query several", {"graphql.operation.type": "query"}),
        ("{ hush }", "graphql invalid", {}),
        ('{ ticket(id: "hush") { hush: id } }', "query ticket", {"graphql.operation.type": "query"}),
    ],
)
async def test_a_span_is_called_by_the_root_field_and_says_nothing_else(
    document: str, name: str, attributes: dict[str, str]
) -> None:
    with recorded_spans() as spans:
        await schema(spans).execute(document, context_value=Api(ADMIN).context())
    (span,) = spans.all
    assert (span.name, span.kind, told_of(span)) == (name, SpanKind.INTERNAL, attributes)
    assert status_of(span) == ("UNSET", None)


async def test_faults_of_ours_alone_are_errors() -> None:
    class Unreachable:
        async def count(self, *_: object) -> int:
            raise DatabaseUnavailable("hush")

        page = count

    with recorded_spans() as spans:
        for api in (Api(ADMIN, reader=Unreachable()), Api(ADMIN, reader=None), Api(None)):
            await schema(spans).execute(f"{{ {TICKETS} }}", context_value=api.context())
    assert [status_of(span) for span in spans.all] == [
        ("ERROR", "UNAVAILABLE"), ("ERROR", "INTERNAL"), ("UNSET", None),
    ]  # fmt: skip
    assert "hush" not in "".join(span.to_json() for span in spans.all)


async def test_what_an_operation_does_is_below_it_and_nothing_that_comes_after() -> None:
    seen = []

    class Looking(Api):
        async def execute_in(self, spans: RecordedSpans) -> None:
            viewers: Any = self.use_cases.viewers
            identify = viewers.identify

            async def looking(authorization: str | None) -> Viewer | None:
                seen.append(get_current_span().get_span_context().span_id)
                found: Viewer | None = await identify(authorization)
                return found

            viewers.identify = looking
            await schema(spans).execute(f"{{ {TICKETS} }}", context_value=self.context())

    before = get_current_span()
    with recorded_spans() as spans:
        await Looking(ADMIN).execute_in(spans)
    assert set(seen) == {context_of(spans.one("query tickets")).span_id}
    assert get_current_span() is before


async def test_a_change_is_pushed_in_the_trace_of_what_made_it() -> None:
    api, before = Api(ADMIN), pushes()
    api.reader.traceparent = WRITTEN
    with recorded_spans() as spans:
        events = await stream(api, spans, ALL)
        await anext(events)
        assert [span.name for span in spans.all] == ["subscription ticketChanged"], "it is not handed over yet"
        await anext(events)
        assert [span.name for span in spans.all][1:] == ["push ticketChanged"]
        assert pushes() == before + 1
        with pytest.raises(StopAsyncIteration):
            await anext(events)
    own, *pushed = spans.all
    assert pushes() == before + len(pushed) == before + 2
    for span in pushed:
        assert span.parent is not None
        assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, WRITER)
        assert span.kind is SpanKind.PRODUCER
        assert [link.context for link in span.links] == [context_of(own)]
        assert status_of(span) == ("UNSET", None)


async def test_a_change_whose_trace_is_not_recorded_is_pushed_without_a_span() -> None:
    api, before = Api(ADMIN), pushes()
    with recorded_spans() as spans:
        assert len([event async for event in await stream(api, spans, ALL)]) == 2
    assert [span.name for span in spans.all] == ["subscription ticketChanged"]
    assert pushes() == before + 2


async def test_an_open_subscription_keeps_no_span() -> None:
    started: list[weakref.ref[Span]] = []

    class Remembering(ProxyTracer):
        def start_span(self, *arguments: Any, **more: Any) -> Span:
            span = spans.tracer.start_span(*arguments, **more)
            started.append(weakref.ref(span))
            return span

    with recorded_spans() as spans:
        observation = Observation(Remembering(__name__))
        observation.finish(Outcome.OK)
        gc.collect()
        assert [span() for span in started] == [None]
        observation.begin_push(WRITTEN)
        observation.end_push(told=False)
        observation.leave()
    own, pushed = spans.all
    assert [link.context for link in pushed.links] == [context_of(own)]


async def test_the_state_that_was_there_is_no_push() -> None:
    api, before = Api(ADMIN), pushes()
    api.reader.traceparent = WRITTEN
    one = await api.data("{ tickets { edges { node { id } } } }")
    identity = one["edges"][0]["node"]["id"]
    with recorded_spans() as spans:
        events = await stream(api, spans, f'subscription {{ ticketChanged(id: "{identity}") {{ id }} }}')
        assert len([event async for event in events]) == 1
    assert [span.name for span in spans.all] == ["subscription ticketChanged"]
    assert pushes() == before


async def test_a_push_that_the_subscriber_did_not_wait_for_ends_uncounted() -> None:
    api, before = Api(ADMIN), pushes()
    api.reader.traceparent = WRITTEN
    with recorded_spans() as spans:
        events: Any = await stream(api, spans, ALL)
        await anext(events)
        await events.aclose()
    assert [span.name for span in spans.all] == ["subscription ticketChanged", "push ticketChanged"]
    assert pushes() == before


async def test_who_may_no_longer_read_is_not_pushed_to() -> None:
    api = Api(ADMIN, None)
    api.reader.traceparent = WRITTEN
    with recorded_spans() as spans:
        (event,) = [event async for event in await stream(api, spans, ALL)]
    assert event.errors[0].extensions["code"] == "UNAUTHENTICATED"
    assert [(span.name, status_of(span)[0]) for span in spans.all] == [
        ("subscription ticketChanged", "UNSET"), ("push ticketChanged", "UNSET"),
    ]  # fmt: skip
