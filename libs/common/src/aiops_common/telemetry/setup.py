"""Tracing of one process, as its environment wants it."""

import importlib
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector
from opentelemetry.sdk.trace import TracerProvider

from aiops_common.telemetry.file import FileSpanExporter
from aiops_common.telemetry.sending import Bounds, SpanSender
from aiops_common.telemetry.span import RecordedSpan
from aiops_common.telemetry.tracer import RecordingProvider

_SAMPLERS = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def setup_telemetry(service: str) -> Callable[[], None]:
    """Install the tracer provider of this process; returns what sends the last spans, in at most two seconds.

    To be called once, before anything is traced. Spans go to ``OTEL_EXPORTER_OTLP_ENDPOINT`` and to the file
    ``TRACES_FILE``, each where it is set; without either no provider is installed, and spans cost next to nothing.
    ``OTEL_TRACES_SAMPLER``, ``OTEL_TRACES_SAMPLER_ARG``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_BSP_*`` and
    ``OTEL_SDK_DISABLED`` hold. Raises ValueError, which names the variable, for a sampler that there is not and for a
    number that is none.
    """
    _check_sampler(os.environ)
    senders = _senders(resource(service)) if os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true" else []
    if not senders:
        return lambda: None
    # The SDK knows the samplers and their variables.
    sampler = TracerProvider(shutdown_on_exit=False).sampler
    trace.set_tracer_provider(RecordingProvider(sampler, _to_all(senders)))

    def stop() -> None:
        for sender in senders:
            sender.end()
        for sender in senders:
            sender.wait()

    return stop


def _check_sampler(environment: Mapping[str, str]) -> None:
    """The SDK would take everything instead, and say so in a warning."""
    sampler = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if sampler and sampler not in _SAMPLERS:
        raise ValueError(f"OTEL_TRACES_SAMPLER is {sampler!r}: give one of {', '.join(_SAMPLERS)}, or unset it")
    share = environment.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    if share and sampler.endswith("traceidratio"):
        with suppress(ValueError):
            if 0 <= float(share) <= 1:
                return
        raise ValueError(
            f"OTEL_TRACES_SAMPLER_ARG is {share!r}: give a number from 0 to 1, e.g. 0.01 for one in a hundred"
        )


def resource(service: str) -> dict[str, str]:
    """Who the spans are of: https://opentelemetry.io/docs/specs/semconv/resource/#service."""
    given = {name: str(value) for name, value in OTELResourceDetector().detect().attributes.items()}
    ours = {
        "service.name": f"aiops-{service}",
        "service.namespace": "aiops",
        "service.version": _version(service),
        "service.instance.id": str(uuid4()),
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "aiops_common.telemetry",
        "telemetry.sdk.version": _version("common"),
    }
    return ours | given


def _version(service: str) -> str:
    for distribution in (f"aiops-{service}", "aiops-common"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "unknown"


def _senders(resource: dict[str, str]) -> list[SpanSender]:
    senders = []
    bounds = Bounds.of(os.environ)
    if any(os.environ.get(name) for name in _ENDPOINTS):
        # Its HTTP client costs memory and a moment, which who runs without a collector does not pay.
        otlp = importlib.import_module("aiops_common.telemetry.otlp")
        senders.append(SpanSender("otlp", otlp.OtlpSpanExporter(resource), bounds))
    if path := os.environ.get("TRACES_FILE"):
        senders.append(SpanSender("file", FileSpanExporter(Path(path), resource), bounds))
    return senders


def _to_all(senders: list[SpanSender]) -> Callable[[RecordedSpan], None]:
    if len(senders) == 1:
        return senders[0].take

    def take(span: RecordedSpan) -> None:
        for sender in senders:
            sender.take(span)

    return take
