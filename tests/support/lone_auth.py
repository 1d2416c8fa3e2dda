"""Auth as a process of its own on a database and a broker, and a gateway's requests to it."""

import asyncio
import base64
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import psutil

from aiops_common.messaging.requests import Requester
from aiops_contracts.auth import (
    AuthReply,
    CredentialKey,
    GetCredentialKey,
    LogIn,
    LogOut,
    RefreshTokens,
    SetUserRole,
    SignUp,
)
from aiops_contracts.base import Request
from aiops_contracts.credentials import AnswerKey
from support.eventually import eventually
from support.lone_gateway import free_port
from support.sealing_credentials import seal
from support.servers import ROOT, Broker

Sealed = type[SignUp] | type[LogIn] | type[RefreshTokens] | type[LogOut]


@dataclass(slots=True)
class LoneAuth:
    """``log`` and ``traces`` are files with everything that the process has said and traced."""

    requester: Requester
    process: psutil.Process
    log: Path
    traces: Path

    async def ask(self, request: Request, *, principal: str = "anonymous", message_id: UUID | None = None) -> AuthReply:
        return await self.requester.ask("auth", request, AuthReply, principal=principal, message_id=message_id)

    async def key(self) -> dict[str, object]:
        """The key to which credentials are encrypted at present."""
        return (await self.requester.ask("auth", GetCredentialKey(), CredentialKey, principal="system")).jwk

    async def send(self, kind: Sealed, form: AnswerKey, *, message_id: UUID | None = None) -> AuthReply:
        """Ask with a form sealed to the present key."""
        return await self.ask(kind(sealed=seal(form, await self.key()), address="192.0.2.7"), message_id=message_id)

    async def set_role(self, request: SetUserRole) -> AuthReply:
        return await self.ask(request, principal=f"user:{request.changed_by}")

    def said(self) -> bytes:
        """Everything that it has written so far."""
        return self.log.read_bytes()

    def traced(self) -> bytes:
        """Every span so far, as JSON lines."""
        return self.traces.read_bytes() if self.traces.exists() else b""

    @property
    def resident(self) -> int:
        """Memory that the process has, in bytes."""
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def lone_auth(broker: Broker, database_url: str, **settings: object) -> AsyncIterator[LoneAuth]:
    """Auth with ``AUTH_<SETTING>`` as given, ended afterwards."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="aiops-auth-") as directory:
        log, traces = Path(directory) / "log", Path(directory) / "traces"
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTH_", "OTEL_"))}
        environment |= {
            "AUTH_DATABASE_URL": database_url,
            "AUTH_AMQP_URL": broker.url_for("auth"),
            "AUTH_PORT": str(port),
            "AUTH_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
            "TRACES_FILE": str(traces),
            **{f"AUTH_{name.upper()}": str(value) for name, value in settings.items()},
        }
        process = _start(environment, log)
        requester = Requester(broker.url_for("gateway"), name="gateway")
        try:
            auth = LoneAuth(requester, psutil.Process(process.pid), log, traces)
            await eventually(lambda: _is_ready(auth, port, process), seconds=60)
            yield auth
        finally:
            await requester.stop()
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, 30)
            finally:
                process.kill()


def _start(environment: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "aiops_auth", "serve"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )


async def _is_ready(auth: LoneAuth, port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, auth.said().decode()
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
