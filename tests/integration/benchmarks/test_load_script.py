"""The load generator against a small server of the test's own: it sends what it should and notices refusals."""

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from measuring import wrk

pytestmark = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed; `make bench` installs it")


class Recorder(ThreadingHTTPServer):
    """Answers every POST with ``reply`` and keeps what was posted."""

    def __init__(self, status: int, reply: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.reply = status, reply
        self.posted: list[dict[str, Any]] = []
        self.authorization: set[str] = set()


class _Handler(BaseHTTPRequestHandler):
    server: Recorder
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        self.server.authorization.add(self.headers["Authorization"])
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.reply)))
        self.end_headers()
        self.wfile.write(self.server.reply)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    status, reply = request.param
    server = Recorder(status, reply)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def target(recorder: Recorder, kind: str, *, with_keys: bool = False) -> wrk.Target:
    return wrk.Target(f"http://127.0.0.1:{recorder.server_port}/any", kind, "a-token", with_keys)


ACCEPTED = b'{"data":{"triageTicket":{"ticket":{"id":"x","state":"PENDING"},"userErrors":[]}}}'
REFUSED = b'{"data":{"triageTicket":{"ticket":null,"userErrors":[{"message":"no"}]}}}'


@pytest.mark.parametrize("recorder", [(200, ACCEPTED)], indirect=True)
def test_mutations_are_distinct_with_bodies_of_1024_bytes(recorder: Recorder) -> None:
    seen = wrk.run(target(recorder, "graphql", with_keys=True), "run1", clients=2, seconds=1, rate=100)
    inputs = [posted["variables"]["input"] for posted in recorder.posted]
    assert 0 < seen.accepted <= len(inputs)
    assert recorder.authorization == {"Bearer a-token"}
    assert {len(one["body"]) for one in inputs} == {1024}
    for field in ("title", "body", "idempotencyKey"):
        assert len({one[field] for one in inputs}) == len(inputs)
    assert all(one["source"].startswith("run1.") and one["source"][5:].isdigit() for one in inputs)


@pytest.mark.parametrize("recorder", [(200, REFUSED)], indirect=True)
def test_a_user_error_fails_the_run(recorder: Recorder) -> None:
    with pytest.raises(wrk.LoadFailed, match="refused"):
        wrk.run(target(recorder, "graphql"), "run2", clients=1, seconds=1, rate=20)


@pytest.mark.parametrize("recorder", [(202, b'{"id":"x","state":"PENDING"}')], indirect=True)
def test_the_peer_gets_plain_json(recorder: Recorder) -> None:
    wrk.run(target(recorder, "json"), "run3", clients=1, seconds=1, rate=20)
    assert set(recorder.posted[0]) == {"title", "body", "source"}
