"""A server that speaks TLS before one that does not: what PostgreSQL and RabbitMQ do where they have a certificate."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "localhost"
_SSL_REQUEST = 8
"""Bytes of PostgreSQL's question: https://www.postgresql.org/docs/current/protocol-message-formats.html"""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate for NAME that signs itself, and the context of a server that has it."""

    certificate: Path
    context: ssl.SSLContext


def authority(directory: Path) -> Authority:
    """A new one, in files of `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / "ca.crt", directory / "tls.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, private)
    return Authority(certificate, context)


@contextmanager
def tls_front(target: tuple[str, int], context: ssl.SSLContext, *, postgres: bool = False) -> Iterator[int]:
    """The port on which TLS is spoken and passed on to ``target``; PostgreSQL is first asked whether it speaks it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=_accept, args=(listening, target, context, postgres), daemon=True)
        accepting.start()
        yield int(listening.getsockname()[1])
        # Wakes whoever accepts: closing alone does not.
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    accepting.join(5)


def _accept(listening: socket.socket, target: tuple[str, int], context: ssl.SSLContext, postgres: bool) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_serve, args=(client, target, context, postgres), daemon=True).start()


def _serve(client: socket.socket, target: tuple[str, int], context: ssl.SSLContext, postgres: bool) -> None:
    with suppress(OSError):  # a client that does not believe us, among others
        if postgres:
            client.recv(_SSL_REQUEST, socket.MSG_WAITALL)
            client.sendall(b"S")
        # A thread reads while another one writes, which a socket of Python's ssl allows.
        with context.wrap_socket(client, server_side=True) as inside, socket.create_connection(target) as server:
            back = threading.Thread(target=_pass_on, args=(server, inside), daemon=True)
            back.start()
            _pass_on(inside, server)
            back.join(5)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
