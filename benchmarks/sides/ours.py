"""Our side: gateway, triage and auth as `make up` starts them, without a language model; traced where asked for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.request import Request, urlopen

from aiops_local.processes import Command
from aiops_local.readiness import answers_http, wait_until
from aiops_local.services import ADMIN_EMAIL, SERVICES
from aiops_local.stack import Stack
from measuring.outcome import Table
from measuring.wrk import Target
from sides.side import SUPERUSER_SECONDS, Running, process_of, server_processes

_LOGIN = "mutation ($input: LoginInput!) { login(input: $input) { tokens { accessToken } userErrors { message } } }"
_STARTED = ("auth", "triage", "gateway")
# One account at one address sends everything; the limits are counted all the same, and cost what they cost.
_LEFT_OUT = ("OPENAI_", "LLM_", "OTEL_", "TRACES_FILE")
_UNTHROTTLED = {"GATEWAY_REQUESTS_PER_SECOND": "100000", "GATEWAY_ADDRESS_REQUESTS_PER_SECOND": "100000"}


@dataclass(frozen=True, slots=True)
class Tracing:
    """A ``share`` of all requests, 0..1, is traced to the collector at ``endpoint``."""

    endpoint: str
    share: float


class Ours:
    """The services of this checkout on ``stack``'s servers."""

    name = "ours"

    def __init__(self, stack: Stack, *, with_keys: bool = False, tracing: Tracing | None = None) -> None:
        self._stack = stack
        self._with_keys = with_keys
        self._tracing = tracing

    def prepare(self) -> None:
        """Roles, schemas, topology, migrations."""
        services = self._stack.services
        tasks = [services.provision_postgres(), services.provision_rabbitmq()]
        for task in [*tasks, *map(services.migrate, SERVICES), services.protect_postgres()]:
            self._stack.processes.run(task, SUPERUSER_SECONDS)

    @contextmanager
    def running(self) -> Iterator[Running]:
        """The services that the job needs, and an administrator's access token from a real log-in."""
        stack = self._stack
        ready = {name: f"{stack.services.url(name)}/readyz" for name in _STARTED}
        try:
            for name in _STARTED:
                stack.processes.start(self.command(name))
            checks = {name: (lambda url=url: answers_http(url)) for name, url in ready.items()}
            wait_until(checks, SUPERUSER_SECONDS, stack.processes.check)
            yield Running(
                target=Target(f"{stack.services.url('gateway')}/graphql", "graphql", self.log_in(), self._with_keys),
                table=Table(stack.postgres.url, "gateway.tickets", "(document ->> 'source')"),
                processes={name: process_of(stack, name) for name in _STARTED} | server_processes(stack),
                metrics=[f"{stack.services.url(name)}/metrics" for name in _STARTED],
            )
        finally:
            for name in reversed(_STARTED):
                stack.processes.stop(name)

    def log_in(self) -> str:
        """An access token of the administrator. Raises RuntimeError with the answer when there is none in it."""
        credentials = {"email": ADMIN_EMAIL, "password": self._stack.services.credentials["admin"]}
        body = json.dumps({"query": _LOGIN, "variables": {"input": credentials}}).encode()
        url = f"{self._stack.services.url('gateway')}/graphql"
        request = Request(url, data=body, headers={"Content-Type": "application/json"})
        with urlopen(request, timeout=30) as answer:
            reply: dict[str, Any] = json.load(answer)
        tokens = ((reply.get("data") or {}).get("login") or {}).get("tokens")
        if not tokens:
            raise RuntimeError(f"the administrator could not log in: {reply}")
        return str(tokens["accessToken"])

    def command(self, name: str) -> Command:
        """The process `name`, without a language model."""
        command = self._stack.services.serve(name, scripted_llm=False)
        environment = {k: v for k, v in command.environment.items() if not k.startswith(_LEFT_OUT)}
        # Long enough for the peer, which accepts the same token; everything else as an operator finds it.
        environment |= {"AUTH_ACCESS_TOKEN_SECONDS": "3600", **_UNTHROTTLED}
        if self._tracing is not None:
            environment |= {
                "OTEL_EXPORTER_OTLP_ENDPOINT": self._tracing.endpoint,
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": str(self._tracing.share),
            }
        return replace(command, environment=environment)
