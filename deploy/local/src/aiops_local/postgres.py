"""A PostgreSQL server of our own, listening on 127.0.0.1 only."""

import signal
import subprocess
from pathlib import Path

from aiops_local.choices import credentials, is_free, ports
from aiops_local.cluster import SUPERUSER, Cluster
from aiops_local.layout import Layout
from aiops_local.processes import Command, Processes
from aiops_local.readiness import wait_until

NAME = "postgres"
DATABASE = "aiops"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # A socket's path may have 107 bytes, which a deep checkout exceeds; TCP is enough.
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    # fsync and synchronous_commit stay on: what is acknowledged survives a kill, as in production.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_lock_waits": "on",
}


class PostgresServer:
    """The server of the cluster in `state`/postgres.

    Servers of the same state directory share its ports and passwords.
    """

    def __init__(self, state: Path) -> None:
        layout = Layout.of(state)
        self._processes = Processes(layout)
        self._ports = ports(layout.ports)
        self._credentials = credentials(layout.credentials)
        self._cluster = Cluster(layout)

    @property
    def port(self) -> int:
        return self._ports[NAME]

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it runs."""
        process = self._processes.running(NAME)
        return process.pid if process else None

    @property
    def url(self) -> str:
        """The address of the database, as superuser."""
        return self.url_for(SUPERUSER, self._password)

    def url_for(self, role: str, password: str) -> str:
        """The address of the database for `role`."""
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self, timeout: float = 60) -> None:
        """Start the server if it is not running, wait until it answers, see to it that DATABASE exists.

        Raises NotInstalled, ProcessFailed (it ended) or NotReady (it does not answer within `timeout` seconds).
        """
        if self.pid is None:
            self._cluster.prepare(self._password)
            if not is_free(self.port):
                self._ports.replace(NAME)
            self._processes.start(self._command())
        wait_until({NAME: self.ready}, timeout, self._processes.check)
        self._create_database()

    def stop(self) -> None:
        """Shut down cleanly, ending the sessions of clients."""
        self._processes.stop(NAME)

    def kill(self) -> None:
        """SIGKILL the postmaster, as a crash would, and wait until its children are gone too."""
        self._processes.stop(NAME, force=True)

    def destroy(self) -> None:
        """Stop, and remove every file of the cluster."""
        self.stop()
        self._cluster.end_orphans()
        self._cluster.remove()

    @property
    def _password(self) -> str:
        return self._credentials["postgres:superuser"]

    def _command(self) -> Command:
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Command(
            name=NAME,
            argv=(str(self._cluster.installation.programs / "postgres"), "-D", str(self._cluster.data), *options),
            environment={},
            directory=self._cluster.data,
            user=self._cluster.user,
            # SIGTERM would wait until the last client disconnects; SIGINT is the fast shutdown.
            stop_signal=signal.SIGINT,
            stop_seconds=30,
        )

    def ready(self) -> bool:
        """Whether the server takes connections."""
        # Its own word comes first: asking too early, or for a database that is not there, is a FATAL in its log.
        return self._cluster.says_ready() and self._psql("SELECT 1").returncode == 0

    def _create_database(self) -> None:
        if DATABASE in self._psql("SELECT datname FROM pg_database").stdout.split():
            return
        made = self._psql(f"CREATE DATABASE {DATABASE}")
        if made.returncode != 0:
            raise RuntimeError(f"cannot create the database {DATABASE}: {made.stderr.strip()}")

    def _psql(self, statement: str) -> subprocess.CompletedProcess[str]:
        psql = str(self._cluster.installation.programs / "psql")
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, "-d", "postgres")
        secret = {"PGPASSWORD": self._password, "PGCONNECT_TIMEOUT": "2"}
        return self._cluster.run(psql, *where, "-XAtqc", statement, environment=secret)
