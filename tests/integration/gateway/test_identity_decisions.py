"""What auth decides counts here before it is answered, on other gateways once they are told; keys tell repetitions."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from aiops_common.postgres import Listener, Pool
from aiops_contracts.auth import ApiKeySnapshot, CreateApiKey, RemoveUser, RevokeApiKey, Role, SetUserRole, UserSnapshot
from aiops_contracts.base import Request
from aiops_contracts.credentials import SignUpForm
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain import access
from aiops_gateway.domain.access import Unauthenticated, Viewer
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.api_keys import ApiKeys
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.credentials import Credentials, new_answer_key
from aiops_gateway.service.decisions import Decisions
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import listening
from integration.gateway.test_machine_viewers import Machine
from integration.gateway.test_viewers import Issuer, known, put, user
from support.eventually import eventually
from unit.gateway.sealing_auth import SealingAuth, sealed_to

ADMIN = Viewer(uuid4(), access.Role.ADMIN)
ADDRESS = "203.0.113.7"
PASSWORD = "a perfectly long passphrase"


class Auth(SealingAuth):
    """Does everything that it is asked, to whomever."""

    def __init__(self) -> None:
        super().__init__(self._sealed)
        self.machine = Machine()
        self.asked: list[Request] = []

    def _answered(self, request: Request) -> dict[str, Any]:
        self.asked.append(request)
        match request:
            case SetUserRole():
                changed = user(request.role, identity=request.user_id, version=request.expected_version + 1)
                return {"outcome": "OK", "user": changed.model_dump(mode="json")}
            case RemoveUser():
                return {"outcome": "OK"}
            case RevokeApiKey():
                revoked = self.machine.key(request.expected_version + 1, revoked=True)
                return {"outcome": "OK", "api_key": revoked.model_dump(mode="json")}
        return super()._answered(request)

    def _sealed(self, request: Request, form: dict[str, Any]) -> dict[str, Any]:
        if isinstance(request, CreateApiKey):
            sealed = sealed_to(form["answer_key"], "x")
            return {"outcome": "OK", "api_key": self.machine.key().model_dump(mode="json"), "sealed_secret": sealed}
        return {"outcome": "EMAIL_TAKEN", "message": "taken", "field": "email"}


class Gateway:
    """One gateway's parts."""

    def __init__(self, pool: Pool, auth: Auth, listener: Listener | None = None) -> None:
        self.viewers = Viewers(pool, TokenVerifier(issuer="aiops-auth", audience="aiops"))
        if listener is not None:
            Changes(listener, self.viewers)
        credentials = Credentials(auth)
        self.decisions = Decisions(pool, auth, credentials, self.viewers, Answers(pool, wait_seconds=5))
        self.api_keys = ApiKeys(pool, auth, credentials, self.viewers)


@pytest.fixture
def auth() -> Auth:
    return Auth()


@pytest.fixture
async def deaf(pool: Pool, auth: Auth) -> Gateway:
    """No notification reaches it."""
    return Gateway(pool, auth)


@pytest.fixture
async def other(pool: Pool, auth: Auth, listener: Listener) -> Gateway:
    """It hears what the database tells."""
    gateway = Gateway(pool, auth, listener)
    await listening(listener)
    return gateway


async def somebody(pool: Pool, *gateways: Gateway) -> tuple[UserSnapshot, str]:
    """An administrator whom the gateways have seen, and their Authorization header."""
    issuer, account = Issuer(), user(Role.ADMIN)
    await put(pool, users=(account,), keys=(issuer.key,))
    for gateway in gateways:
        gateway.viewers.forget_keys()
        assert await gateway.viewers.identify(issuer.header(account.id))
    return account, issuer.header(account.id)


def demotion(user_id: UUID) -> SetUserRole:
    return SetUserRole(user_id=user_id, role=Role.VIEWER, expected_version=1, changed_by=ADMIN.user_id)


def removal(user_id: UUID, **values: Any) -> RemoveUser:
    return RemoveUser(user_id=user_id, expected_version=1, removed_by=ADMIN.user_id, **values)


async def test_a_demotion_counts_here_at_once_and_elsewhere_once_it_is_told(
    pool: Pool, deaf: Gateway, other: Gateway
) -> None:
    account, header = await somebody(pool, deaf, other)
    await deaf.decisions.set_user_role(ADMIN, demotion(account.id), None)
    assert await deaf.viewers.identify(header) == Viewer(account.id, access.Role.VIEWER)

    async def told() -> bool:
        return await other.viewers.identify(header) == Viewer(account.id, access.Role.VIEWER)

    await eventually(told, seconds=5)


async def test_a_removal_counts_here_at_once_and_elsewhere_once_it_is_told(
    pool: Pool, deaf: Gateway, other: Gateway
) -> None:
    account, header = await somebody(pool, deaf, other)
    await deaf.decisions.remove_user(ADMIN, removal(account.id), None)
    with pytest.raises(Unauthenticated):
        await deaf.viewers.identify(header)

    async def told() -> bool:
        return await known(other.viewers, header) is None

    await eventually(told, seconds=5)


async def test_a_revocation_counts_here_at_once_and_elsewhere_once_it_is_told(
    auth: Auth, deaf: Gateway, other: Gateway
) -> None:
    made = await deaf.api_keys.create(ADMIN, creation(), None)
    assert made.reply.api_key == _as_shown(auth.machine.key(), made.reply.api_key)
    header = auth.machine.header
    assert await deaf.viewers.identify(header)
    assert await other.viewers.identify(header)
    request = RevokeApiKey(api_key_id=auth.machine.id, expected_version=1, revoked_by=ADMIN.user_id)
    await deaf.api_keys.revoke(ADMIN, request, None)
    with pytest.raises(Unauthenticated):
        await deaf.viewers.identify(header)

    async def told() -> bool:
        return await known(other.viewers, header) is None

    await eventually(told, seconds=5)


def creation(name: str = "robot") -> Any:
    return lambda sealed: CreateApiKey(
        name=name, role=Role.OPS, created_by=ADMIN.user_id, sealed=sealed, address=ADDRESS
    )


def _as_shown(key: ApiKeySnapshot, shown: ApiKeySnapshot | None) -> ApiKeySnapshot | None:
    return key.model_copy(update={"created_by": shown.created_by}) if shown else None


async def test_a_repetition_is_the_same_wherever_it_comes_from(auth: Auth, deaf: Gateway) -> None:
    identity = uuid4()
    for address in (None, ADDRESS):
        await deaf.decisions.remove_user(ADMIN, removal(identity, address=address), "key")
    await deaf.api_keys.create(ADMIN, creation(), "key")
    await deaf.api_keys.create(ADMIN, creation(), "key")
    with pytest.raises(KeyReused):
        await deaf.decisions.remove_user(ADMIN, removal(uuid4()), "key")
    with pytest.raises(KeyReused):
        await deaf.api_keys.create(ADMIN, creation("another"), "key")
    # What the gateway has an answer to it does not ask again; only auth can say a secret again.
    assert [type(one) for one in auth.asked] == [RemoveUser] + [CreateApiKey] * 2


def admit() -> None:
    """Whoever signs up may."""


@pytest.mark.parametrize("key", ["key", None])
async def test_the_id_of_a_sign_up_tells_the_person_and_nothing_kept_tells_the_password(
    pool: Pool, auth: Auth, deaf: Gateway, key: str | None
) -> None:
    def form(email: str, password: str, name: str = "Jane") -> SignUpForm:
        return SignUpForm(email=email, password=SecretStr(password), display_name=name, answer_key=new_answer_key())

    for email, password in (("a@b.example", PASSWORD), ("a@b.example", "x"), ("c@d.example", PASSWORD)):
        signed_in = await deaf.decisions.sign_up(form(email, password), ADDRESS, key, admit=admit)
        assert (signed_in.reply.outcome, signed_in.tokens) == ("EMAIL_TAKEN", None)
    first, guessed, stranger = auth.ids
    assert stranger != first
    async with pool.connection() as connection:
        kept = await connection.fetch("SELECT message_id, digest FROM idempotency_keys")
    if key is None:
        assert (guessed == first, kept) == (False, [])
        return
    # Were the password part of the digest, whoever reads the table could try passwords at their leisure.
    assert guessed == first
    assert {row["message_id"] for row in kept} == {first, stranger}
    assert len({bytes(row["digest"]) for row in kept}) == 1
    with pytest.raises(KeyReused):
        await deaf.decisions.sign_up(form("a@b.example", PASSWORD, "Joe"), ADDRESS, key, admit=admit)
