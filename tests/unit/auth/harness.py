"""What the tests of auth share: the service with plain arguments, and a clock that the test turns."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from aiops_auth.service import AuthService
from aiops_auth.tokens import TokenIssuer
from aiops_contracts.auth import AuthReply, LogIn, RefreshTokens, SignUp
from unit.auth.in_memory import Database

PASSWORD = "a rather long sentence"


@dataclass
class Clock:
    now: datetime = datetime(2024, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Auth:
    """The service under test, with requests as plain arguments."""

    service: AuthService
    database: Database
    clock: Clock

    async def sign_up(
        self, email: str = "ada@example.org", password: str = PASSWORD, name: str = "Ada Lovelace"
    ) -> AuthReply:
        return await self.service.sign_up(SignUp(email=email, password=SecretStr(password), display_name=name))

    async def log_in(self, email: str = "ada@example.org", password: str = PASSWORD) -> AuthReply:
        return await self.service.log_in(LogIn(email=email, password=SecretStr(password)))

    async def refresh(self, token: str) -> AuthReply:
        return await self.service.refresh(RefreshTokens(refresh_token=SecretStr(token)))


def refresh_token_of(reply: AuthReply) -> str:
    assert reply.outcome == "OK", reply
    assert reply.tokens is not None
    return reply.tokens.refresh_token


def issuer(master_key: bytes) -> TokenIssuer:
    return TokenIssuer(
        issuer="aiops-auth",
        audience="aiops",
        access_lifetime=timedelta(minutes=10),
        refresh_lifetime=timedelta(days=30),
        master_key=master_key,
    )
