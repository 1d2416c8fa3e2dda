"""Waiting until a server answers."""

import base64
import http.client
import socket
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

_PAUSE = 0.1


class NotReady(Exception):
    """A process lives but did not become ready in time."""


def wait_until(ready: Mapping[str, Callable[[], bool]], seconds: float, check: Callable[[str], None]) -> None:
    """Poll until every process of `ready` (by name) is.

    `check` gets the name of one that is not and may raise to give up early (it died). Raises NotReady after `seconds`.
    """
    deadline = time.monotonic() + seconds
    pending = dict(ready)
    while pending := {name: is_ready for name, is_ready in pending.items() if not is_ready()}:
        for name in pending:
            check(name)
        if time.monotonic() > deadline:
            raise NotReady(f"{', '.join(pending)}: running, but not ready within {seconds:.0f} s; see the log")
        time.sleep(_PAUSE)


def answers_http(url: str, *, user: str = "", password: str = "") -> bool:
    """Whether GET `url` is answered with a 2xx status within two seconds."""
    parts = urlsplit(url)
    headers = {}
    if user:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", parts.path or "/", headers=headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts_connections(port: int) -> bool:
    """Whether something listens on 127.0.0.1:`port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
