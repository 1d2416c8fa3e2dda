"""Fixtures that need servers; a test that asks for none of them does no IO."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from hypothesis import settings
from yarl import URL

from aiops_common.postgres import Pool
from aiops_common.postgres.migrate import migrate
from support.servers import (
    ROOT,
    SERVICES,
    Broker,
    database,
    postgres_server,
    private_port_mapper,
    rabbitmq_server,
    service_passwords,
)

# How long an example takes says how busy the machine is.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process sets up logging for all of it."""
    root = logging.getLogger()
    before, hooks, raising = (
        (root.handlers[:], root.level),
        (sys.excepthook, threading.excepthook),
        logging.raiseExceptions,
    )
    yield
    if structlog.is_configured():
        root.handlers[:], root.level = before
        sys.excepthook, threading.excepthook = hooks
        logging.raiseExceptions = raising
        logging.captureWarnings(capture=False)
        structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server, as superuser."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres_admin_url(postgres_url: str) -> Iterator[str]:
    """A database of this test's own, as superuser."""
    with database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def service_database_urls(postgres_url: str) -> Iterator[dict[str, str]]:
    """A database with every service's migrated schema: service → address as that service's role."""
    passwords = service_passwords(SERVICES)
    with database(postgres_url) as url:
        environment = {f"POSTGRES_PASSWORD_{name.upper()}": password for name, password in passwords.items()}
        _run("-m", "aiops_common.postgres", "provision", POSTGRES_ADMIN_URL=url, **environment)
        urls = {name: str(URL(url).with_user(name).with_password(passwords[name])) for name in SERVICES}
        for name, service_url in urls.items():
            migrate(service_url, name, f"aiops_{name}")
        _run("-m", "aiops_common.postgres", "protect", POSTGRES_ADMIN_URL=url)
        yield urls


@pytest.fixture(scope="session")
async def pools(service_database_urls: dict[str, str]) -> AsyncIterator[dict[str, Pool]]:
    """A connected pool for each service."""
    pools = {name: Pool(url, name=f"test-{name}") for name, url in service_database_urls.items()}
    for pool in pools.values():
        await pool.start()
    yield pools
    for pool in pools.values():
        await pool.stop()


@pytest.fixture
async def auth_pool(pools: dict[str, Pool]) -> Pool:
    """Auth's schema, without accounts."""
    async with pools["auth"].transaction() as connection:
        await connection.execute("TRUNCATE accounts CASCADE; TRUNCATE outbox, inbox")
    return pools["auth"]


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A RabbitMQ node with the project's topology."""
    private_port_mapper()
    passwords = service_passwords()
    with rabbitmq_server() as (amqp_url, management_url):
        _run(
            *("-m", "aiops_common.messaging", "provision", "deploy/rabbitmq/topology.yaml"),
            RABBITMQ_MANAGEMENT_URL=management_url,
            **{f"RABBITMQ_PASSWORD_{user.upper()}": passwords[user] for user in passwords},
        )
        yield Broker(amqp_url, management_url, passwords)


def _run(*arguments: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
