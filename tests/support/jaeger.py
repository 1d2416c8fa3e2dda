"""A real Jaeger: of a running stack, or one of a test's own."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from aiops_local.jaeger import JaegerServer
from aiops_local.jaeger_program import find
from aiops_local.jaeger_spans import KINDS, fetch, parse
from aiops_local.spans import Span
from support.servers import state_directory
from support.stack import RunningStack

NOT_THERE = "there is no Jaeger on this machine; `make jaeger` finds or builds one"


@dataclass(frozen=True, slots=True)
class Jaeger:
    """``url`` is its API; ``otlp`` takes spans (OTEL_EXPORTER_OTLP_ENDPOINT)."""

    url: str
    otlp: str

    @classmethod
    def of(cls, server: JaegerServer) -> "Jaeger":
        """One that runs."""
        return cls(server.url, server.otlp)

    async def trace(self, trace_id: str) -> list[Span]:
        """The spans of a trace, in no order; none where it is not known."""
        return parse(await self.answer(trace_id))

    async def answer(self, trace_id: str) -> bytes:
        """All that Jaeger has of a trace, as it answers; empty where it is not known."""
        return await asyncio.to_thread(fetch, self.url, trace_id)

    async def services(self) -> set[str]:
        """Names of all services that sent spans."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            return set((await http.get(f"{self.url}/api/services")).json()["data"] or ())

    async def roots(self, service: str, name: str) -> list[str]:
        """The ids of the newest traces whose root is a span of that name."""
        sought = {"service": service, "operation": name, "limit": "20", "lookback": "1h"}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            found = (await http.get(f"{self.url}/api/traces", params=sought)).json()["data"]
        return [
            trace["traceID"]
            for trace in found
            if any(span["operationName"] == name and not span["references"] for span in trace["spans"])
        ]

    async def send(self, service: str, *spans: Span) -> None:
        """Export spans of somebody who is not of the project, such as a partner, as OTLP's JSON over HTTP."""
        attributes = _attributes({"service.name": service})
        resource = {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": [_written(one) for one in spans]}]}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
            (await http.post(f"{self.otlp}/v1/traces", json={"resourceSpans": [resource]})).raise_for_status()


@contextmanager
def jaeger_server() -> Iterator[JaegerServer]:
    """A Jaeger of the test's own on free ports, gone afterwards; the test is skipped where this machine has none."""
    if find() is None:
        pytest.skip(NOT_THERE)
    with state_directory() as state:
        server = JaegerServer(state)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def jaeger_of(stack: RunningStack) -> Jaeger:
    """The Jaeger that a stack sends its spans to; the test is skipped where this machine has none."""
    if find() is None:
        pytest.skip(NOT_THERE)
    server = stack.stack.jaeger
    assert server.pid is not None, f"Jaeger does not run:\n{stack.stack.processes.last_lines('jaeger')}"
    return Jaeger.of(server)


def _written(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id or "",
        "name": span.name,
        "kind": KINDS.index(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
    }


def _attributes(values: Mapping[str, str]) -> Sequence[dict[str, Any]]:
    return [{"key": name, "value": {"stringValue": value}} for name, value in values.items()]
