"""Spans in a file, one JSON object a line: for machines without a collector."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson
from opentelemetry.util.types import AttributeValue

from aiops_common.redaction.records import redact_line
from aiops_common.telemetry.redacting import LEFT_OUT, told
from aiops_common.telemetry.span import RecordedSpan


class FileSpanExporter:
    """Appends to a file that several processes share.

    Every batch is one ``write`` on a file opened for appending, which the kernel does not interleave with others.
    """

    def __init__(self, path: Path, resource: Mapping[str, str]) -> None:
        self._path = path
        self._service = resource["service.name"]

    def encode(self, span: RecordedSpan) -> bytes:
        """Redacted, as a line."""
        return orjson.dumps(self._as_dict(span), default=str) + b"\n"

    def send(self, lines: Sequence[bytes]) -> str | None:
        """Write what ``encode`` made; a file that cannot be written loses it and nothing else."""
        text = b"".join(lines)
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                written = os.write(descriptor, text)
            finally:
                os.close(descriptor)
        except OSError as error:
            return type(error).__name__
        return None if written == len(text) else "the disk is full"

    def _as_dict(self, span: RecordedSpan) -> dict[str, object]:
        return {
            "trace_id": f"{span.context.trace_id:032x}",
            "span_id": f"{span.context.span_id:016x}",
            "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
            "service": self._service,
            "name": redact_line(span.name),
            "kind": span.kind.name,
            "start_ns": span.start_time,
            "end_ns": span.end_time,
            "status": span.status_code.name,
            "attributes": _told(span.attributes),
            "events": [
                {"name": redact_line(event.name), "attributes": _told(event.attributes)} for event in span.events or ()
            ],
            "links": [f"{link.context.trace_id:032x}:{link.context.span_id:016x}" for link in span.links],
        }


def _told(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {redact_line(name): told(name, value) for name, value in attributes.items() if name not in LEFT_OUT}
