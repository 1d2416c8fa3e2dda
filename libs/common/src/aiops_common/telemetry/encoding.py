"""Spans as an OTLP request: redacted, and encoded once for everything that comes again.

A message of protocol buffers may be put together from pieces that were encoded by themselves
(https://protobuf.dev/programming-guides/encoding/#last-one-wins). Names, kinds, attributes and the resource come again
with nearly every span, so their pieces are kept; what is new in each span has a fixed length. The library's own
encoder takes six times as long: see docs/adr/0011-spans-are-recorded-by-our-own-recorder.md.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status
from opentelemetry.trace import Link, StatusCode
from opentelemetry.util.types import AttributeValue

from aiops_common.redaction.records import redact_line
from aiops_common.telemetry.redacting import LEFT_OUT, told
from aiops_common.telemetry.span import RecordedSpan, SpanEvent

MOST_KEPT: Final = 4096
_LONGEST_KEPT: Final = 200

K = TypeVar("K")

# Field 2, of a known length.
_SPANS_OF_SCOPE = _SCOPES_OF_RESOURCE = b"\x12"
_RESOURCE_OF_REQUEST = b"\x0a"  # field 1
_ATTRIBUTE_OF_SPAN, _VALUE_OF_KEY, _INT_OF_VALUE = b"\x4a", b"\x12", b"\x18"
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_UNIQUE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANY_ID = "00000000-0000-0000-0000-000000000000"


class Encoder:
    """Makes requests of the spans of one process.

    The pieces that are kept are bounded in number and size, whatever the spans hold.
    """

    def __init__(self, resource: Mapping[str, str]) -> None:
        self._resource: bytes = ResourceSpans(resource=Resource(attributes=_key_values(resource))).SerializeToString()
        self._scopes: dict[str, bytes] = {}
        self._outlines: dict[tuple[object, ...], bytes] = {}
        self._attributes: dict[tuple[str, type, object], bytes] = {}
        self._ids: dict[str, bytes] = {}
        self._keys: dict[str, bytes] = {}

    def request(self, encoded: Sequence[bytes]) -> bytes:
        """A serialised ``ExportTraceServiceRequest`` of spans that ``encode`` made."""
        body = b"".join((self._resource, *encoded))
        return _RESOURCE_OF_REQUEST + _varint(len(body)) + body

    def encode(self, span: RecordedSpan) -> bytes:
        """``span`` as the part of a request that it will be, under its scope."""
        scope, encoded = self._scope(span.scope), self._span(span)
        length = _varint(len(encoded))
        whole = len(scope) + 1 + len(length) + len(encoded)
        return b"".join((_SCOPES_OF_RESOURCE, _varint(whole), scope, _SPANS_OF_SCOPE, length, encoded))

    def _span(self, span: RecordedSpan) -> bytes:
        pieces = [self._outline(span), _identity(span)]
        known = self._attributes
        for name, value in span.attributes.items():
            try:
                pieces.append(known[name, type(value), value])
            except (KeyError, TypeError):  # not kept, or a list
                pieces.append(self._attribute(name, value))
        if span.events or span.links:
            pieces.append(_events_and_links(span.events or (), span.links))
        return b"".join(pieces)

    def _outline(self, span: RecordedSpan) -> bytes:
        """What spans of one name have in common."""
        parent = span.parent
        flags = span.context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if parent and parent.is_remote else 0)
        key = (span.name, span.kind, span.status_code, span.status_description, flags)
        if key in self._outlines:
            return self._outlines[key]
        kind = Span.SpanKind.ValueType(span.kind.value + 1)  # 0 is "unspecified"
        outline = Span(name=redact_line(span.name), kind=kind, status=_status(span), flags=flags)
        return _keep(self._outlines, key, outline.SerializeToString())

    def _attribute(self, name: str, value: AttributeValue | None) -> bytes:
        if value is None or name in LEFT_OUT:
            return b""
        if isinstance(value, str):
            if len(value) == len(_ANY_ID) and _UNIQUE.fullmatch(value):
                return self._unique(name, value)
            if len(value) > _LONGEST_KEPT:
                return _attribute_piece(name, value)
        elif type(value) is int and 0 <= value < 2**63:
            return self._number(name, value)
        elif not isinstance(value, bool | int | float):
            return _attribute_piece(name, value)
        return _keep(self._attributes, (name, type(value), value), _attribute_piece(name, value))

    def _unique(self, name: str, value: str) -> bytes:
        """The id of a message or a row, which is as long as every other: only its digits are new."""
        before = self._ids.get(name)
        if before is None:
            piece = _attribute_piece(name, _ANY_ID)
            if not piece.endswith(_ANY_ID.encode()):  # the name says that it is a secret
                return piece
            before = _keep(self._ids, name, piece[: -len(_ANY_ID)])
        return before + value.encode()

    def _number(self, name: str, value: int) -> bytes:
        """A count or a size, which is new nearly every time: the name is kept, and the number put behind it."""
        key = self._keys.get(name)
        if key is None:
            if told(name, value) != value:  # the name says that it is a secret
                return _attribute_piece(name, value)
            key = _keep(self._keys, name, KeyValue(key=redact_line(name)).SerializeToString())
        number = _INT_OF_VALUE + _varint(value)
        body = key + _VALUE_OF_KEY + _varint(len(number)) + number
        return _ATTRIBUTE_OF_SPAN + _varint(len(body)) + body

    def _scope(self, name: str) -> bytes:
        if name not in self._scopes:
            scope = ScopeSpans(scope=InstrumentationScope(name=name))
            _keep(self._scopes, name, scope.SerializeToString())
        return self._scopes[name]


def _status(span: RecordedSpan) -> Status | None:
    if span.status_code is StatusCode.UNSET:
        return None
    code = Status.StatusCode.ValueType(span.status_code.value)
    return Status(code=code, message=redact_line(span.status_description or ""))


def _identity(span: RecordedSpan) -> bytes:
    """Ids and times, each behind its tag; a state that a client sent along is not told."""
    context, parent = span.context, span.parent
    own = b"\x0a\x10" + context.trace_id.to_bytes(16, "big") + b"\x12\x08" + context.span_id.to_bytes(8, "big")
    above = b"\x22\x08" + parent.span_id.to_bytes(8, "big") if parent else b""
    started, ended = span.start_time.to_bytes(8, "little"), span.end_time.to_bytes(8, "little")
    return own + above + b"\x39" + started + b"\x41" + ended


def _attribute_piece(name: str, value: AttributeValue) -> bytes:
    encoded: bytes = Span(attributes=_key_values({name: told(name, value)})).SerializeToString()
    return encoded


def _events_and_links(events: Sequence[SpanEvent], links: Sequence[Link]) -> bytes:
    encoded = [
        Span.Event(name=redact_line(event.name), time_unix_nano=event.timestamp, attributes=_told(event.attributes))
        for event in events
    ]
    linked = [
        Span.Link(
            trace_id=link.context.trace_id.to_bytes(16, "big"),
            span_id=link.context.span_id.to_bytes(8, "big"),
            attributes=_told(link.attributes or {}),
            flags=_HAS_IS_REMOTE | (_IS_REMOTE if link.context.is_remote else 0),
        )
        for link in links
    ]
    both: bytes = Span(events=encoded, links=linked).SerializeToString()
    return both


def _told(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    return _key_values({name: told(name, value) for name, value in attributes.items() if name not in LEFT_OUT})


def _key_values(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    return [KeyValue(key=redact_line(name), value=_any_value(value)) for name, value in attributes.items()]


def _any_value(value: object) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        # A number beyond 64 bits is none that OTLP can carry.
        return AnyValue(int_value=value) if -(2**63) <= value < 2**63 else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return AnyValue(array_value=ArrayValue(values=map(_any_value, value)))
    # A lone surrogate cannot be encoded.
    return AnyValue(string_value=str(value).encode(errors="replace").decode())


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _keep(kept: dict[K, bytes], key: K, piece: bytes) -> bytes:
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[key] = piece
    return piece
