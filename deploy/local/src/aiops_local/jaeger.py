"""A Jaeger of our own, listening on 127.0.0.1 only: where the services' spans go if there is one on this machine.

It is never needed: nothing waits for it, and without it the spans are in the file that `make trace` reads.
"""

from pathlib import Path

from aiops_local.choices import is_free, ports
from aiops_local.jaeger_program import find
from aiops_local.layout import Layout
from aiops_local.processes import Command, Processes
from aiops_local.readiness import answers_http, wait_until

NAME = "jaeger"
CONFIGURATION = Path(__file__).resolve().parents[3] / "jaeger" / "config.yaml"

# Variable of the configuration → name of the port.
_PORTS = {
    "JAEGER_HTTP_PORT": NAME,
    "JAEGER_GRPC_PORT": "jaeger:grpc",
    "JAEGER_OTLP_HTTP_PORT": "jaeger:otlp",
    "JAEGER_OTLP_GRPC_PORT": "jaeger:otlp-grpc",
    "JAEGER_HEALTH_PORT": "jaeger:health",
    "JAEGER_METRICS_PORT": "jaeger:metrics",
}


class JaegerServer:
    """The Jaeger of the stack in `state`, which keeps its spans in memory."""

    def __init__(self, state: Path) -> None:
        layout = Layout.of(state)
        self._layout = layout
        self._processes = Processes(layout)
        self._ports = ports(layout.ports)

    @property
    def is_used(self) -> bool:
        """Whether it was started and not stopped; it may have died since."""
        return self._layout.pid_file(NAME).exists()

    @property
    def pid(self) -> int | None:
        """Its pid while it runs."""
        process = self._processes.running(NAME)
        return process.pid if process else None

    @property
    def url(self) -> str:
        """The address of its API and pages."""
        return self._address(NAME)

    @property
    def otlp(self) -> str:
        """Where it takes spans: an OTEL_EXPORTER_OTLP_ENDPOINT for OTLP over HTTP."""
        return self._address("jaeger:otlp")

    def start(self, timeout: float = 20) -> bool:
        """Start it if it is not running, and wait until it takes spans; False where there is no `jaeger` to start.

        Raises ProcessFailed (it ended) or NotReady (it does not answer within `timeout` seconds).
        """
        if self.pid is None:
            program = find()
            if program is None:
                self.stop()
                return False
            for name in _PORTS.values():
                if not is_free(self._ports[name]):
                    self._ports.replace(name)
            self._processes.start(self._command(program))
        wait_until({NAME: self.ready}, timeout, self._processes.check)
        return True

    def stop(self) -> None:
        """End it; its spans are gone."""
        self._processes.stop(NAME)

    def kill(self) -> None:
        """SIGKILL it, as a crash would."""
        self._processes.stop(NAME, force=True)

    def ready(self) -> bool:
        """Whether every part of it says that it is well."""
        return answers_http(f"{self._address('jaeger:health')}/status")

    def _address(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def _command(self, program: Path) -> Command:
        environment = {variable: str(self._ports[name]) for variable, name in _PORTS.items()}
        return Command(
            name=NAME,
            argv=(str(program), "--config", str(CONFIGURATION)),
            environment={"JAEGER_LISTEN_HOST": "127.0.0.1", **environment},
            directory=self._layout.state,
            stop_seconds=1,  # nothing that it holds outlives it, and it would wait for all of its clients
        )
