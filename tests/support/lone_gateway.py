"""A gateway as a process of its own on a database, without the other services: accounts and rows are put there for it.

There is no broker either, which takes nothing from reading and subscribing.
"""

import asyncio
import base64
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwt

from aiops_common.postgres import Pool
from aiops_contracts.auth import Role, SigningKey, UserSnapshot
from aiops_contracts.triage import TicketSnapshot
from aiops_gateway.repository import accounts, read_model
from aiops_gateway.repository.read_model import TICKETS
from support.content_keys import content_keys
from support.eventually import eventually
from support.graphql import GraphqlClient
from support.limits import UNTHROTTLED
from support.servers import ROOT

MEGABYTE = 2**20
_NO_BROKER = "amqp://nobody:none@127.0.0.1:1/none"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Issuer:
    """Signs access tokens as auth does."""

    def __init__(self) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        self._kid = str(uuid4())
        self._pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        point = private.public_key().public_numbers()
        coordinates = {"x": point.x, "y": point.y}
        self._jwk = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"} | {
            name: base64.urlsafe_b64encode(value.to_bytes(32, "big")).rstrip(b"=").decode()
            for name, value in coordinates.items()
        }

    @property
    def key(self) -> SigningKey:
        return SigningKey(kid=self._kid, jwk=self._jwk, created_at=datetime.now(UTC))

    def token(self, user_id: UUID, *, seconds: float = 3600) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": "aiops-auth", "aud": "aiops", "sub": str(user_id), "jti": str(uuid4()), "typ": "access",
            "iat": now, "nbf": now, "exp": now + timedelta(seconds=seconds),
        }  # fmt: skip
        token: str = jwt.encode(claims, self._pem, algorithm="ES256", headers={"kid": self._kid})
        return token


@dataclass(slots=True)
class LoneGateway:
    """``url`` is where its API is; ``log`` holds what it has said."""

    url: str
    pool: Pool
    process: psutil.Process
    log: Path
    issuer: Issuer = field(default_factory=Issuer)

    async def sign_up(self, role: Role = Role.ADMIN) -> UserSnapshot:
        """A new account."""
        now = datetime.now(UTC)
        user = UserSnapshot(
            id=uuid4(), version=1, email=f"{uuid4()}@example.com", display_name="Somebody", role=role,
            created_at=now, updated_at=now,
        )  # fmt: skip
        await self.put(user)
        return user

    async def put(self, *users: UserSnapshot) -> None:
        """Accounts as they are now."""
        async with self.pool.transaction() as connection:
            await accounts.project_users(connection, users)

    def client(self, user: UserSnapshot, *, seconds: float = 3600) -> GraphqlClient:
        """The API as ``user`` with a token for so many seconds."""
        return GraphqlClient(self.url, self.issuer.token(user.id, seconds=seconds))

    async def project(self, *tickets: TicketSnapshot) -> None:
        """Tickets as they are now, which subscribers are told of."""
        async with self.pool.transaction() as connection:
            await read_model.project(connection, TICKETS, tickets)

    async def subscriptions(self) -> int:
        """How many are open, as the gateway counts them."""
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            metrics = (await http.get(self.url.replace("/graphql", "/metrics"))).text
        lines = [line.split() for line in metrics.splitlines()]
        return int(sum(float(line[1]) for line in lines if line[0].startswith("aiops_graphql_subscriptions{")))

    @property
    def resident(self) -> int:
        """Memory that the process has, in bytes."""
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def lone_gateway(
    pool: Pool,
    database_url: str,
    *,
    port: int | None = None,
    tracing: Mapping[str, str] | None = None,
    **settings: object,
) -> AsyncIterator[LoneGateway]:
    """A gateway with ``GATEWAY_<SETTING>`` as given, ended afterwards; at a free port unless one is given.

    ``tracing`` are variables of OpenTelemetry; without them it does not trace.
    """
    port = port or free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "OTEL_"))}
    environment |= {
        "GATEWAY_DATABASE_URL": database_url, "GATEWAY_AMQP_URL": _NO_BROKER, "GATEWAY_PORT": str(port),
        "GATEWAY_CONTENT_KEYS": content_keys(), **UNTHROTTLED,
        **{f"GATEWAY_{k.upper()}": str(v) for k, v in settings.items()}, **(tracing or {}),
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="aiops-gateway-") as directory:
        log = Path(directory) / "log"
        process = _start(environment, log)
        try:
            gateway = LoneGateway(f"http://127.0.0.1:{port}/graphql", pool, psutil.Process(process.pid), log)
            async with pool.transaction() as connection:
                await accounts.add_signing_keys(connection, [gateway.issuer.key])
            await eventually(lambda: _is_ready(gateway, process), seconds=60)
            yield gateway
        finally:
            process.kill()
            await asyncio.to_thread(process.wait)


def _start(environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "aiops_gateway", "serve"]
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)


async def _is_ready(gateway: LoneGateway, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, gateway.log.read_text()
    try:
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            return (await http.get(gateway.url.replace("/graphql", "/readyz"))).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
