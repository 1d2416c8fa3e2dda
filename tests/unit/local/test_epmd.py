import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiops_local.choices import ports
from aiops_local.epmd import Epmd


@contextmanager
def port_mapper(answer: bytes) -> Iterator[int]:
    """Answers one request on the port it yields; `answer` comes after the four bytes of the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(16) == b"\x00\x01n"
                connection.sendall(struct.pack(">I", port) + answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield port
        thread.join()


def names(state: Path, answer: bytes) -> list[str] | None:
    """What Epmd makes of a port mapper that answers so."""
    with port_mapper(answer) as port:
        ports(state / "ports.json")["epmd"] = port
        return Epmd(state).names()


def test_it_reads_the_names_of_the_nodes(tmp_path: Path) -> None:
    answer = b"name aiops_1 at port 25672\nname other at port 4\n"

    assert names(tmp_path, answer) == ["aiops_1", "other"]


def test_one_without_nodes_differs_from_none_at_all(tmp_path: Path) -> None:
    assert names(tmp_path, b"") == []


def test_something_else_on_the_port_is_no_port_mapper(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        ports(tmp_path / "ports.json")["epmd"] = server.getsockname()[1]
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"hello, this is not Erlang"))
        thread.start()
        assert Epmd(tmp_path).names() is None
        thread.join()
