"""OTLP over HTTP: our encoding, sent by the library's client.

So the standard variables hold: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _COMPRESSION, _CERTIFICATE and the others.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http import trace_exporter

from aiops_common.telemetry.encoding import Encoder
from aiops_common.telemetry.span import RecordedSpan

TIMEOUT_SECONDS: Final = 5.0
"""For one request, its retries included, where no OTEL_EXPORTER_OTLP_TIMEOUT is given."""
_TIMEOUTS: Final = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")


class OtlpSpanExporter(trace_exporter.OTLPSpanExporter):
    """Sends spans of one process; what a request that fails carried is lost."""

    def __init__(self, resource: Mapping[str, str]) -> None:
        super().__init__(timeout=None if any(os.environ.get(name) for name in _TIMEOUTS) else TIMEOUT_SECONDS)
        self._encoder = Encoder(resource)
        # It tells of every attempt; we tell when an outage begins and ends.
        logging.getLogger(trace_exporter.__name__).setLevel(logging.CRITICAL)

    def encode(self, span: RecordedSpan) -> bytes:
        """Redacted, in OTLP."""
        return self._encoder.encode(span)

    def send(self, encoded: Sequence[bytes]) -> str | None:
        """Send spans that ``encode`` made; the status or the kind of error where they were not taken."""
        result = self._client.export(self._encoder.request(encoded))
        if result.success:
            return None
        return f"status {result.status_code}" if result.status_code else type(result.error).__name__
