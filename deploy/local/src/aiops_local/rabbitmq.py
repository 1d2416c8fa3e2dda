"""A RabbitMQ node of our own, listening on 127.0.0.1 only."""

import os
from pathlib import Path

from aiops_local.choices import credentials, is_free, ports
from aiops_local.environment import inherited
from aiops_local.epmd import Epmd
from aiops_local.installations import find_rabbitmq
from aiops_local.layout import Layout, write_private
from aiops_local.processes import Command, Processes
from aiops_local.readiness import answers_http, wait_until

NAME = "rabbitmq"
ADMINISTRATOR = "administrator"
# Debian's rabbitmqctl, run by root, becomes the user rabbitmq and takes the cookie from there.
_SYSTEM_COOKIE = Path("/var/lib/rabbitmq/.erlang.cookie")
_PORTS = (NAME, "rabbitmq:management", "rabbitmq:distribution")

_CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{amqp}
management.tcp.ip = 127.0.0.1
management.tcp.port = {management}
default_user = {user}
default_pass = {password}
disk_free_limit.absolute = 64MB
log.console = true
log.console.level = info
log.file = false
# Queue lengths stay readable over HTTP; the history behind the charts is kept short.
collect_statistics_interval = 5000
management.sample_retention_policies.global.minute = 5
management.sample_retention_policies.basic.minute = 5
management.sample_retention_policies.detailed.10 = 5
"""


class RabbitmqServer:
    """The node in `state`/rabbitmq. Servers of the same state directory share its ports and passwords."""

    def __init__(self, state: Path) -> None:
        self._layout = Layout.of(state)
        self._processes = Processes(self._layout)
        self._ports = ports(self._layout.ports)
        self._credentials = credentials(self._layout.credentials)
        self.epmd = Epmd(state)

    @property
    def node(self) -> str:
        """The node's name, for `rabbitmqctl -n`."""
        return f"aiops_{self._layout.identity}@localhost"

    @property
    def port(self) -> int:
        return self._ports[NAME]

    @property
    def pid(self) -> int | None:
        """The pid of beam.smp while it runs."""
        process = self._processes.running(NAME)
        return process.pid if process else None

    @property
    def url(self) -> str:
        """The AMQP address, as administrator."""
        return self.url_for(ADMINISTRATOR, self._password)

    def url_for(self, user: str, password: str) -> str:
        """The AMQP address of the default virtual host for `user`.

        There is no slash at the end: clients disagree on whether it names the virtual host "/" or "".
        """
        return f"amqp://{user}:{password}@127.0.0.1:{self.port}"

    @property
    def management_url(self) -> str:
        """The address of the HTTP API, with the administrator's name and password in it."""
        return f"http://{ADMINISTRATOR}:{self._password}@127.0.0.1:{self._ports['rabbitmq:management']}"

    @property
    def control_environment(self) -> dict[str, str]:
        """What rabbitmqctl must be told, beside `node`, to find the node and to be let in; empty where it knows."""
        cookie = self._cookie_file.read_text() if self._cookie_file.exists() else _shared_cookie()
        told = {} if cookie == _shared_cookie() else {"RABBITMQ_ERLANG_COOKIE": str(cookie)}
        return told if self.epmd.is_default else {**told, "ERL_EPMD_PORT": str(self.epmd.port)}

    def start(self, timeout: float = 120) -> None:
        """Start the port mapper and the node if they are not running; wait until it takes AMQP connections.

        Raises NotInstalled, ProcessFailed (it ended) or NotReady (it does not answer within `timeout` seconds).
        """
        self.epmd.start()
        if self.pid is None:
            for name in _PORTS:
                if not is_free(self._ports[name]):
                    self._ports.replace(name)
            self._write_configuration()
            self._processes.start(self._command())
        wait_until({NAME: self.ready}, timeout, self._processes.check)

    def stop(self) -> None:
        """Shut the node down cleanly, and the port mapper if nobody needs it."""
        self._processes.stop(NAME)
        self.epmd.stop()

    def kill(self) -> None:
        """SIGKILL the node, as a crash would; the port mapper stays."""
        self._processes.stop(NAME, force=True)

    @property
    def _cookie_file(self) -> Path:
        return self._layout.rabbitmq / ".erlang.cookie"

    @property
    def _password(self) -> str:
        return self._credentials["rabbitmq:administrator"]

    def ready(self) -> bool:
        """Whether the node can be found by its name and takes AMQP connections."""
        if self.node.partition("@")[0] not in (self.epmd.names() or []):
            return False
        # Asked over HTTP, because a probe of the AMQP port itself leaves two warnings in the log each time.
        listener = f"http://127.0.0.1:{self._ports['rabbitmq:management']}/api/health/checks/port-listener/{self.port}"
        return answers_http(listener, user=ADMINISTRATOR, password=self._password)

    def _command(self) -> Command:
        home = self._layout.rabbitmq
        environment = {
            "HOME": str(home),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_LOG_BASE": str(self._layout.logs),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_DIST_PORT": str(self._ports["rabbitmq:distribution"]),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_SCHEDULER_BIND_TYPE": "u",
            "ERL_EPMD_PORT": str(self.epmd.port),
            # Otherwise Erlang starts a port mapper by itself, which would outlive the stack.
            "ERL_AFLAGS": "-start_epmd false",
            "ERL_CRASH_DUMP": str(home / "erl_crash.dump"),
            # Makes the script become the server instead of waiting for it, so that the pid is the server's.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        script = find_rabbitmq().programs / "rabbitmq-server"
        return Command(name=NAME, argv=(str(script),), environment=environment, directory=home, stop_seconds=60)

    def _write_configuration(self) -> None:
        home = self._layout.rabbitmq
        configuration = _CONFIGURATION.format(
            amqp=self.port,
            management=self._ports["rabbitmq:management"],
            user=ADMINISTRATOR,
            password=self._password,
        )
        write_private(home / "rabbitmq.conf", configuration)
        write_private(home / "advanced.config", "[].\n")
        write_private(home / "rabbitmq-env.conf", "")
        write_private(home / "enabled_plugins", "[rabbitmq_management].\n")
        write_private(self._cookie_file, _shared_cookie() or self._credentials["rabbitmq:cookie"])
        self._cookie_file.chmod(0o400)


def _shared_cookie() -> str | None:
    """The cookie that a plain `rabbitmqctl`, typed by this user, presents; None when it has none yet."""
    own = _SYSTEM_COOKIE if os.geteuid() == 0 else Path(inherited().get("HOME", "/")) / ".erlang.cookie"
    try:
        return own.read_text().strip()
    except OSError:
        return None
