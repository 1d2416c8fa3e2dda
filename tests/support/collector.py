"""A collector with our configuration: Jaeger's program, which is one, built from the same components."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from aiops_local.jaeger_program import find
from aiops_local.readiness import accepts_connections, wait_until
from support.answering import answering
from support.jaeger import NOT_THERE
from support.lone_gateway import free_port
from support.servers import ROOT

CONFIGURATION = ROOT / "deploy" / "otel-collector" / "config.yaml"


@dataclass(frozen=True, slots=True)
class Collector:
    """``otlp`` takes spans over HTTP; ``metrics`` is host:port of its own."""

    otlp: str
    metrics: str


@contextmanager
def collector(export_to: str) -> Iterator[Collector]:
    """A collector that passes spans on to ``export_to`` (host:port, OTLP over gRPC), gone afterwards.

    The test is skipped where this machine has no Jaeger.
    """
    program = find()
    if program is None:
        pytest.skip(NOT_THERE)
    grpc, http, metrics = (free_port() for _ in range(3))
    environment = {
        "COLLECTOR_LISTEN_HOST": "127.0.0.1", "COLLECTOR_EXPORT_TO": export_to,
        "COLLECTOR_OTLP_GRPC_PORT": str(grpc), "COLLECTOR_OTLP_HTTP_PORT": str(http),
        "COLLECTOR_METRICS_PORT": str(metrics),
    }  # fmt: skip
    with answering([program, "--config", CONFIGURATION], f"http://127.0.0.1:{metrics}/metrics", environment):
        # Its metrics answer before its receivers listen.
        wait_until({"otlp": partial(accepts_connections, http)}, 30, lambda _: None)
        yield Collector(f"http://127.0.0.1:{http}", f"127.0.0.1:{metrics}")
