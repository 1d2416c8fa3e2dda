"""What the tests of auth share: the service with plain arguments, and a clock that the test turns."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from aiops_auth.domain import Account
from aiops_auth.domain import Role as AccountRole
from aiops_auth.passwords import Passwords
from aiops_auth.service import (
    Credentials,
    KeyRing,
    Means,
    SecurityEvents,
    Sessions,
    log_in,
    log_out,
    refresh,
    sign_up,
)
from aiops_auth.tokens import CredentialCipher, TokenIssuer
from aiops_common.messaging.message import Delivery, M
from aiops_contracts.auth import AuthReply, LogIn, LogOut, RefreshTokens, SignUp
from aiops_contracts.credentials import AnswerKey, Tokens
from support.sealing_credentials import (
    log_in_form,
    log_out_form,
    refresh_form,
    seal,
    sign_up_form,
    tokens_of,
)
from unit.auth.in_memory import (
    Database,
    InMemoryCredentialKeys,
    InMemoryRepository,
    InMemorySecurityEvents,
    InMemorySigningKeys,
)

PASSWORD = "a rather long sentence"
ADDRESS = "192.0.2.7"
ROOT = UUID(int=7)


@dataclass
class Clock:
    now: datetime = datetime(2024, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Answer:
    """A reply and the tokens in it."""

    reply: AuthReply
    tokens: Tokens | None = None

    @property
    def outcome(self) -> str:
        return self.reply.outcome


@dataclass
class Auth:
    """The use cases under test, with requests as plain arguments."""

    means: Means
    keys: KeyRing
    database: Database
    clock: Clock
    address: str | None = field(default=ADDRESS)

    def seal(self, form: AnswerKey) -> str:
        return seal(form, self.database.tables.credential_keys[-1].jwk)

    async def sign_up(
        self,
        email: str = "ada@example.org",
        password: str = PASSWORD,
        name: str = "Ada Lovelace",
        message_id: UUID | None = None,
    ) -> Answer:
        form = sign_up_form(email, password, name)
        request = SignUp(sealed=self.seal(form), address=self.address)
        return _answer(await sign_up(self.means, delivery(request, message_id)), form)

    async def log_in(self, email: str = "ada@example.org", password: str = PASSWORD) -> Answer:
        form = log_in_form(email, password)
        request = LogIn(sealed=self.seal(form), address=self.address)
        return _answer(await log_in(self.means, delivery(request)), form)

    async def refresh(self, token: str) -> Answer:
        form = refresh_form(token)
        request = RefreshTokens(sealed=self.seal(form), address=self.address)
        return _answer(await refresh(self.means, delivery(request)), form)

    async def log_out(self, token: str) -> str:
        request = LogOut(sealed=self.seal(log_out_form(token)), address=self.address)
        return (await log_out(self.means, delivery(request))).outcome

    def add_admin(self, identity: UUID = ROOT) -> None:
        """An administrator who cannot log in, for requests that one must make."""
        self.database.tables.accounts[identity] = Account(
            id=identity,
            version=1,
            email=f"{identity}@example.org",
            display_name="Root",
            role=AccountRole.ADMIN,
            created_at=self.clock.now,
            updated_at=self.clock.now,
            password_hash="$argon2id$none",
        )

    def recorded(self) -> list[tuple[str, str]]:
        """What the audit log says, without the beginning."""
        return [(event.action, event.outcome) for event in self.database.tables.security_events]


def delivery(message: M, message_id: UUID | None = None, principal: str = "anonymous") -> Delivery[M]:
    return Delivery(
        id=message_id or uuid4(),
        message=message,
        principal=principal,
        attempt=1,
        time=datetime(2024, 5, 1, 12, tzinfo=UTC),
    )


def refresh_token_of(answer: Answer) -> str:
    assert answer.outcome == "OK", answer.reply
    assert answer.tokens is not None
    return answer.tokens.refresh_token.get_secret_value()


def issuer(master_key: bytes) -> TokenIssuer:
    return TokenIssuer(
        issuer="aiops-auth",
        audience="aiops",
        access_lifetime=timedelta(minutes=10),
        refresh_lifetime=timedelta(days=30),
        master_key=master_key,
    )


def in_memory(master_key: bytes, passwords: Passwords) -> Auth:
    """Auth on an empty in-memory database, without keys."""
    database, clock = Database(), Clock()
    credentials = Credentials(
        transactions=database.transaction,
        repository=InMemoryCredentialKeys(),
        cipher=CredentialCipher(master_key),
        clock=clock,
    )
    events = SecurityEvents(repository=InMemorySecurityEvents(), publish=database.publish, clock=clock)
    tokens = issuer(master_key)
    keys = KeyRing(
        transactions=database.transaction,
        repository=InMemorySigningKeys(),
        publish=database.publish,
        tokens=tokens,
        credentials=credentials,
        security_events=events,
        clock=clock,
        lead=timedelta(minutes=2),
    )
    repository = InMemoryRepository()
    means = Means(
        transactions=database.transaction,
        repository=repository,
        publish=database.publish,
        passwords=passwords,
        sessions=Sessions(repository, tokens, keys),
        credentials=credentials,
        events=events,
        clock=clock,
    )
    return Auth(means, keys, database, clock)


def _answer(reply: AuthReply, form: AnswerKey) -> Answer:
    return Answer(reply, tokens_of(reply, form))
