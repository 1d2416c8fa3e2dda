"""The addresses that staging and prod give to the services reach servers with TLS, and no server of somebody else's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from yarl import URL

from aiops_common.messaging.connection import BrokerConnection, BrokerUnavailable
from aiops_common.messaging.worker import Worker
from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_common.postgres.migrate import current_heads
from support.eventually import eventually
from support.manifests import of_kind
from support.servers import Broker
from support.tls_front import NAME, Authority, authority, tls_front

SECRETS = of_kind("ExternalSecret", "components/operators/external-secrets")


def _address(variable: str, reached: URL, password: str, certificate: Path) -> str:
    """An address of triage as the overlay has it, but for the server, the password and the file that are there."""
    template = SECRETS["triage"]["spec"]["target"]["template"]["data"][variable]
    filled = URL(re.sub(r"\{\{.*?\}\}", password, template))
    files = {name: str(certificate) for name in filled.query if name in ("cafile", "sslrootcert")}
    assert len(files) == 1
    path = reached.path if filled.path != "/" else filled.path
    return str(filled.with_host(NAME).with_port(reached.port).with_path(path).with_query({**filled.query, **files}))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("theirs"))


@pytest.fixture
def database(service_database_urls: dict[str, str], ours: Authority) -> Iterator[URL]:
    """A PostgreSQL with TLS, at the address that it has without."""
    plain = URL(service_database_urls["triage"])
    with tls_front((str(plain.host), int(plain.port or 5432)), ours.context, postgres=True) as port:
        yield plain.with_port(port)


@pytest.fixture
def broker_with_tls(broker: Broker, ours: Authority) -> Iterator[URL]:
    plain = URL(broker.url_for("triage"))
    with tls_front((str(plain.host), int(plain.port or 5672)), ours.context) as port:
        yield plain.with_port(port)


async def test_the_database_is_reached_by_pool_listener_and_migrations(database: URL, ours: Authority) -> None:
    url = _address("TRIAGE_DATABASE_URL", database, str(database.password), ours.certificate)
    pool, listener = Pool(url), Listener(url)
    listener.subscribe("anything", lambda _: None)

    async def listens() -> bool:
        return listener.connected

    try:
        await listener.start()
        await pool.ping()
        await eventually(listens)
        assert current_heads(url, "triage")
    finally:
        await listener.stop()
        await pool.stop()


async def test_a_database_of_somebody_elses_is_not_believed(database: URL, theirs: Authority) -> None:
    url = _address("TRIAGE_DATABASE_URL", database, str(database.password), theirs.certificate)
    pool = Pool(url)
    with pytest.raises(DatabaseUnavailable):
        await pool.ping()
    with pytest.raises(Exception, match="certificate verify failed"):
        current_heads(url, "triage")


async def test_the_broker_is_reached_by_publisher_and_worker(broker_with_tls: URL, ours: Authority) -> None:
    url = _address("TRIAGE_AMQP_URL", broker_with_tls, str(broker_with_tls.password), ours.certificate)
    connection, worker = BrokerConnection(url, name="tls"), Worker(url, name="tls")

    async def process(_: object) -> None:
        """Takes what comes; nothing does."""

    async def consumes() -> bool:
        return worker.is_consuming

    worker.subscribe("triage.work", process, prefetch=1)
    try:
        await connection.channel(confirms=True)
        await worker.start()
        await eventually(consumes)
    finally:
        await worker.stop()
        await connection.close()


async def test_a_broker_of_somebody_elses_is_not_believed(broker_with_tls: URL, theirs: Authority) -> None:
    url = _address("TRIAGE_AMQP_URL", broker_with_tls, str(broker_with_tls.password), theirs.certificate)
    connection = BrokerConnection(url, name="tls")
    with pytest.raises(BrokerUnavailable):
        await connection.channel(confirms=True)
