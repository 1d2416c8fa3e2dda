"""Who is behind a token: keys and roles as the database has them now, known again from its notifications."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt

from aiops_common.postgres import Listener, Pool
from aiops_contracts.auth import Role, SigningKey, UserSnapshot
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain import access
from aiops_gateway.domain.access import Unauthenticated, Viewer
from aiops_gateway.repository import accounts
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import listening, minute
from support.eventually import eventually


class Issuer:
    """Signs tokens as auth does."""

    def __init__(self) -> None:
        self.kid = str(uuid4())
        private = ec.generate_private_key(ec.SECP256R1())
        self._pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._jwk = {name: str(value) for name, value in jwk.construct(public.decode(), "ES256").to_dict().items()}

    @property
    def key(self) -> SigningKey:
        return SigningKey(kid=self.kid, jwk=self._jwk, created_at=minute(0))

    def header(self, user_id: UUID) -> str:
        """An Authorization header."""
        now = datetime.now(UTC)
        claims = {
            "iss": "aiops-auth", "aud": "aiops", "sub": str(user_id), "jti": str(uuid4()), "typ": "access",
            "iat": now, "nbf": now, "exp": now + timedelta(minutes=5),
        }  # fmt: skip
        return f"Bearer {jwt.encode(claims, self._pem, algorithm='ES256', headers={'kid': self.kid})}"


def user(role: Role, *, identity: UUID | None = None, version: int = 1) -> UserSnapshot:
    return UserSnapshot(
        id=identity or uuid4(), version=version, email=f"{uuid4()}@example.com", display_name="Somebody", role=role,
        created_at=minute(0), updated_at=minute(version),
    )  # fmt: skip


async def put(pool: Pool, *, users: tuple[UserSnapshot, ...] = (), keys: tuple[SigningKey, ...] = ()) -> None:
    async with pool.transaction() as connection:
        await accounts.project_users(connection, users)
        await accounts.add_signing_keys(connection, keys)


@pytest.fixture
async def viewers(pool: Pool, listener: Listener) -> Viewers:
    viewers = Viewers(pool, TokenVerifier(issuer="aiops-auth", audience="aiops"))
    Changes(listener, viewers)
    await listening(listener)
    return viewers


async def test_a_token_leads_to_the_role_that_the_account_has(pool: Pool, viewers: Viewers) -> None:
    issuer, somebody = Issuer(), user(Role.HR)
    await put(pool, users=(somebody,), keys=(issuer.key,))
    viewer = await eventually(lambda: known(viewers, issuer.header(somebody.id)))
    assert viewer == Viewer(somebody.id, access.Role.HR)
    assert await viewers.identify(None) is None


async def test_a_changed_role_counts_from_the_notification_on(pool: Pool, viewers: Viewers) -> None:
    issuer, somebody = Issuer(), user(Role.ADMIN)
    await put(pool, users=(somebody,), keys=(issuer.key,))
    header = issuer.header(somebody.id)
    await eventually(lambda: known(viewers, header))
    await put(pool, users=(user(Role.VIEWER, identity=somebody.id, version=2),))

    async def demoted() -> bool:
        viewer = await viewers.identify(header)
        return viewer is not None and viewer.role == "VIEWER"

    await eventually(demoted, seconds=5)


async def test_an_account_that_nobody_knows_is_refused_until_it_is_known(pool: Pool, viewers: Viewers) -> None:
    issuer, somebody = Issuer(), user(Role.OPS)
    await put(pool, keys=(issuer.key,))
    header = issuer.header(somebody.id)
    with pytest.raises(Unauthenticated):
        await viewers.identify(header)
    await put(pool, users=(somebody,))
    await eventually(lambda: known(viewers, header), seconds=5)


async def test_a_new_key_is_trusted_from_the_notification_on(pool: Pool, viewers: Viewers) -> None:
    old, new, somebody = Issuer(), Issuer(), user(Role.OPS)
    await put(pool, users=(somebody,), keys=(old.key,))
    await eventually(lambda: known(viewers, old.header(somebody.id)))
    header = new.header(somebody.id)
    with pytest.raises(Unauthenticated):
        await viewers.identify(header)
    await put(pool, keys=(new.key,))
    await eventually(lambda: known(viewers, header), seconds=5)
    assert await known(viewers, old.header(somebody.id))


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "Bearer " + "x" * 5000])
async def test_what_is_no_token_is_refused(viewers: Viewers, header: str) -> None:
    with pytest.raises(Unauthenticated):
        await viewers.identify(header)


async def known(viewers: Viewers, header: str) -> Viewer | None:
    try:
        return await viewers.identify(header)
    except Unauthenticated:
        return None
