"""Real servers for tests: given by TEST_DATABASE_URL and TEST_AMQP_URL, or started as `make up` starts them."""

import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from yarl import URL

from aiops_local.postgres import PostgresServer
from aiops_local.rabbitmq import RabbitmqServer

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "summarizer", "triage", "changelog", "auth")
PARTNER = "acme"
OPERATOR = "operator"


@contextmanager
def state_directory() -> Iterator[Path]:
    """A directory that the servers' own users may enter, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="aiops-test-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server, as superuser."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    with state_directory() as state:
        server = PostgresServer(state)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()
            server.destroy()


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """A new database on the server, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield str(URL(server_url).with_path(f"/{name}"))
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@dataclass(frozen=True, slots=True)
class Broker:
    """A RabbitMQ node with the project's topology; ``passwords`` are those of its users."""

    amqp_url: str
    management_url: str
    passwords: dict[str, str]

    def url_for(self, user: str) -> str:
        """The AMQP address for one of the topology's users."""
        return str(URL(self.amqp_url).with_user(user).with_password(self.passwords[user]))


@contextmanager
def rabbitmq_server() -> Iterator[tuple[str, str]]:
    """AMQP and management address of a node, as administrator."""
    if given := os.environ.get("TEST_AMQP_URL"):
        management = os.environ.get("TEST_RABBITMQ_MANAGEMENT_URL")
        if not management:
            raise RuntimeError("TEST_AMQP_URL needs TEST_RABBITMQ_MANAGEMENT_URL beside it, to declare the topology")
        yield given, management
        return
    with state_directory() as state:
        server = RabbitmqServer(state)
        server.start()
        try:
            yield server.url, server.management_url
        finally:
            server.stop()


def service_passwords(users: Sequence[str] = (*SERVICES, PARTNER, OPERATOR)) -> dict[str, str]:
    """A random password for each user."""
    return {user: secrets.token_urlsafe(16) for user in users}


def private_port_mapper() -> None:
    """Let nodes that are started from here on find each other without the machine's own epmd."""
    if "ERL_EPMD_PORT" not in os.environ:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            os.environ["ERL_EPMD_PORT"] = str(probe.getsockname()[1])
