"""The spans of one trace, asked of Jaeger.

Source: Jaeger's API v3, GET /api/v3/traces/ID, which answers with OTLP's JSON; raw, without its corrections of clocks
(https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto).
"""

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiops_local.spans import Span

KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES = ("UNSET", "OK", "ERROR")
_SECONDS = 10


def fetch(url: str, trace_id: str) -> bytes:
    """What the Jaeger at `url` has of a trace, as it answers; empty where it has none.

    Raises OSError or http.client.HTTPException when it cannot be asked.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", f"/api/v3/traces/{trace_id}?raw_traces=true")
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status == http.client.NOT_FOUND:
        return b""
    if answer.status != http.client.OK:
        raise http.client.HTTPException(f"Jaeger answered {answer.status} when asked for trace {trace_id}")
    return body


def parse(answer: bytes) -> list[Span]:
    """The spans in an answer of `fetch`, in no order."""
    if not answer:
        return []
    found = []
    for resource in json.loads(answer)["result"]["resourceSpans"]:
        service = str(_attributes(resource.get("resource", {})).get("service.name", "unknown"))
        found += [_span(service, raw) for scope in resource["scopeSpans"] for raw in scope["spans"]]
    return found


def _span(service: str, raw: Mapping[str, Any]) -> Span:
    return Span(
        trace_id=raw["traceId"],
        span_id=raw["spanId"],
        parent_id=raw.get("parentSpanId") or None,
        service=service,
        name=raw["name"],
        kind=KINDS[raw.get("kind", 0)],
        # JSON's numbers have no 64 bits, so OTLP writes them as text.
        start_ns=int(raw["startTimeUnixNano"]),
        end_ns=int(raw["endTimeUnixNano"]),
        status=STATUSES[raw.get("status", {}).get("code", 0)],
        attributes=_attributes(raw),
        links=tuple(f"{link['traceId']}:{link['spanId']}" for link in raw.get("links", ())),
    )


def _attributes(owner: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_pairs(owner.get("attributes", ())))


def _pairs(attributes: Any) -> Iterator[tuple[str, Any]]:
    for attribute in attributes:
        yield attribute["key"], _value(attribute.get("value", {}))


def _value(value: Mapping[str, Any]) -> Any:
    nothing: tuple[str, Any] = ("stringValue", "")
    kind, held = next(iter(value.items()), nothing)
    if kind == "intValue":
        return int(held)
    if kind == "arrayValue":
        return [_value(one) for one in held.get("values", ())]
    if kind == "kvlistValue":
        return dict(_pairs(held.get("values", ())))
    return held
