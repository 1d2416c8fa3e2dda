"""The peer's side: `benchmarks/peer` under uvicorn and Celery, in a database and a virtual host of its own."""

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request, urlopen

import psycopg

from aiops_local.processes import Command
from aiops_local.rabbitmq import ADMINISTRATOR
from aiops_local.readiness import answers_http, wait_until
from aiops_local.stack import Stack
from measuring.outcome import Table
from measuring.wrk import Target
from sides.side import SUPERUSER_SECONDS, Running, process_of, server_processes

_BENCHMARKS = Path(__file__).resolve().parents[1]
_NAME = "peer"
_WEB, _WORKER = "peer-web", "peer-worker"


@dataclass(frozen=True, slots=True)
class Tuning:
    """What an operator of the peer would try on two cores."""

    web_processes: int
    worker_pool: str
    worker_processes: int


class Peer:
    """The peer on ``stack``'s servers. It accepts the access tokens that our auth issued: ``token`` is one of them."""

    name = "peer"

    def __init__(self, stack: Stack, token: str, tuning: Tuning) -> None:
        self._stack = stack
        self._token = token
        self._tuning = tuning
        self._port = stack.services.ports[_WEB]
        self._database = _replace_path(stack.postgres.url, _NAME)

    def prepare(self) -> None:
        """Database, table, virtual host; Celery declares its queue itself."""
        with psycopg.connect(self._stack.postgres.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_NAME}")
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute((_BENCHMARKS / "peer" / "schema.sql").read_bytes())
        _put(self._stack.rabbitmq.management_url, f"/api/vhosts/{_NAME}", {})
        every = {"configure": ".*", "write": ".*", "read": ".*"}
        _put(self._stack.rabbitmq.management_url, f"/api/permissions/{_NAME}/{ADMINISTRATOR}", every)

    @contextmanager
    def running(self) -> Iterator[Running]:
        """The API and the worker."""
        processes, url = self._stack.processes, f"http://127.0.0.1:{self._port}"
        try:
            for command in (self._web(), self._worker()):
                processes.start(command)
            checks = {
                _WEB: lambda: answers_http(f"{url}/openapi.json"),
                _WORKER: lambda: "ready." in processes.last_lines(_WORKER),
            }
            wait_until(checks, SUPERUSER_SECONDS, processes.check)
            yield Running(
                target=Target(f"{url}/tickets", "json", self._token),
                table=Table(self._database, "tickets", "source"),
                processes={name: process_of(self._stack, name) for name in (_WEB, _WORKER)}
                | server_processes(self._stack),
            )
        finally:
            for name in (_WEB, _WORKER):
                processes.stop(name)
            self._stack.layout.log(_WORKER).unlink(missing_ok=True)

    def _web(self) -> Command:
        options = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
        where = ("--host", "127.0.0.1", "--port", str(self._port), "--workers", str(self._tuning.web_processes))
        return self._command(_WEB, "uvicorn", "peer.app:app", *options, *where)

    def _worker(self) -> Command:
        pool = ("--pool", self._tuning.worker_pool, "--concurrency", str(self._tuning.worker_processes))
        quiet = ("--loglevel", "INFO", "--without-gossip", "--without-mingle")
        return self._command(_WORKER, "celery", "-A", "peer.tasks:celery", "worker", *pool, *quiet)

    def _command(self, name: str, *module: str) -> Command:
        environment = {
            "PYTHONPATH": str(_BENCHMARKS),
            "PYTHONUNBUFFERED": "1",
            "PEER_DATABASE_URL": self._database,
            "PEER_AMQP_URL": f"{self._stack.rabbitmq.url}/{_NAME}",
            "PEER_JWKS": json.dumps(self._signing_keys()),
        }
        return Command(name=name, argv=(sys.executable, "-m", *module), environment=environment, directory=_BENCHMARKS)

    def _signing_keys(self) -> dict[str, object]:
        with psycopg.connect(self._stack.postgres.url) as connection:
            return dict(connection.execute("SELECT kid, jwk FROM gateway.signing_keys").fetchall())


def _replace_path(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _put(management_url: str, path: str, body: dict[str, str]) -> None:
    parts = urlsplit(management_url)
    secret = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
    headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
    url = f"http://{parts.hostname}:{parts.port}{path}"
    urlopen(Request(url, data=json.dumps(body).encode(), headers=headers, method="PUT"), timeout=30).close()
