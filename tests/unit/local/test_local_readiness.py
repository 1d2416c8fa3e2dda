import socket
import threading
from functools import partial

import pytest

from aiops_local.readiness import NotReady, accepts_connections, answers_http, wait_until


def test_it_waits_for_the_last_one() -> None:
    answers = {"a": iter([True]), "b": iter([False, False, True])}

    wait_until({name: partial(next, answer) for name, answer in answers.items()}, 5, lambda _: None)

    assert [next(answer, "asked no more") for answer in answers.values()] == ["asked no more"] * 2


def test_it_gives_up_as_soon_as_one_that_is_not_ready_is_gone() -> None:
    def check(name: str) -> None:
        raise ProcessLookupError(name)

    with pytest.raises(ProcessLookupError, match=r"^b$"):
        wait_until({"a": lambda: True, "b": lambda: False}, 60, check)


def test_it_names_those_that_are_late() -> None:
    with pytest.raises(NotReady, match=r"^b: running"):
        wait_until({"a": lambda: True, "b": lambda: False}, 0, lambda _: None)


@pytest.mark.parametrize(
    ("status", "ready"), [("200 OK", True), ("503 Service Unavailable", False), ("nonsense", False)]
)
def test_only_a_2xx_answer_counts(status: str, ready: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        assert answers_http(f"http://127.0.0.1:{server.getsockname()[1]}/readyz") is ready
        thread.join()


def test_nothing_listens_after_the_server_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert accepts_connections(port)

    assert not accepts_connections(port)
    assert not answers_http(f"http://127.0.0.1:{port}/readyz")
