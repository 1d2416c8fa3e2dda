import socket
from pathlib import Path

import pytest

from aiops_local.choices import PORTS, credentials, free_port, is_free, ports


def test_a_port_is_chosen_once_and_found_again_by_the_next_process(tmp_path: Path) -> None:
    first = ports(tmp_path / "ports.json")["gateway"]

    assert ports(tmp_path / "ports.json")["gateway"] == first
    assert first in PORTS


def test_names_get_different_ports_and_different_passwords(tmp_path: Path) -> None:
    chosen = ports(tmp_path / "ports.json")
    secrets = credentials(tmp_path / "credentials.json")

    assert len({chosen[str(number)] for number in range(20)}) == 20
    assert len({secrets[str(number)] for number in range(20)}) == 20


def test_a_replaced_port_is_another_one_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    chosen = ports(tmp_path / "ports.json")
    old, other = chosen["gateway"], chosen["auth"]

    assert chosen.replace("gateway") != old
    assert chosen["auth"] == other


def test_a_password_needs_no_quoting_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    password = credentials(tmp_path / "credentials.json")["admin"]

    assert len(password) == 43
    assert password.replace("-", "").replace("_", "").isalnum()
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600


def test_a_port_with_a_listener_is_not_free_and_with_a_past_connection_it_is() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()
        client.close()

    assert is_free(port)


def test_when_every_port_is_taken_it_says_so() -> None:
    with pytest.raises(OSError, match="no free port"):
        free_port(PORTS)
