"""Who is behind an API key; and that nothing which was kept is believed while no change can be heard of."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from aiops_common.postgres import DatabaseUnavailable, Listener, Pool
from aiops_contracts.auth import ApiKeySnapshot, Role
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain import access
from aiops_gateway.domain.access import Forbidden, PrincipalKind, Unauthenticated, Viewer, require
from aiops_gateway.repository import api_keys
from aiops_gateway.service.changes import Changes
from aiops_gateway.service.viewers import Viewers
from integration.gateway.conftest import listening, minute
from integration.gateway.test_viewers import Issuer, known, put, user
from support.eventually import eventually


class Machine:
    """Something with an API key."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.secret = f"aiops_{secrets.token_urlsafe(32)}"

    @property
    def header(self) -> str:
        return f"Bearer {self.secret}"

    def key(self, version: int = 1, *, expires: datetime | None = None, revoked: bool = False) -> ApiKeySnapshot:
        return ApiKeySnapshot(
            id=self.id, version=version, name="robot", role=Role.OPS,
            digest=hashlib.sha256(self.secret.encode()).hexdigest(), created_by=uuid4(), created_at=minute(0),
            updated_at=minute(version), expires_at=expires, revoked_at=minute(version) if revoked else None,
        )  # fmt: skip


async def put_key(pool: Pool, *keys: ApiKeySnapshot) -> None:
    async with pool.connection() as connection:
        await api_keys.project(connection, keys)


@pytest.fixture
async def viewers(pool: Pool, listener: Listener) -> Viewers:
    viewers = Viewers(pool, TokenVerifier(issuer="aiops-auth", audience="aiops"), listening=lambda: listener.connected)
    Changes(listener, viewers)
    await listening(listener)
    return viewers


async def test_a_key_has_the_role_it_was_made_with_and_is_no_person(pool: Pool, viewers: Viewers) -> None:
    machine = Machine()
    await put_key(pool, machine.key())
    viewer = await viewers.identify(machine.header)
    assert viewer == Viewer(machine.id, access.Role.OPS, PrincipalKind.API_KEY)
    assert viewer is not None
    assert viewer.principal == f"key:{machine.id}"
    assert require(viewer, "summarizeLog") is viewer
    for operation in ("createApiKey", "revokeApiKey", "setUserRole", "removeUser"):
        with pytest.raises(Forbidden, match="for people only"):
            require(Viewer(machine.id, access.Role.ADMIN, PrincipalKind.API_KEY), operation)


def _other_end(secret: str) -> str:
    return secret[:-1] + ("A" if secret[-1] != "A" else "B")


@pytest.mark.parametrize(
    "wrong",
    [
        _other_end,
        lambda secret: secret[:-1],
        lambda secret: secret + "A",
        lambda secret: secret.upper(),
        lambda secret: secret + "=",
        lambda secret: secret + "\n",
        lambda secret: secret.replace("aiops_", "aiops_ "),
        lambda secret: "aiops_",
        lambda secret: "aiops_" + "ä" * 43,
        lambda secret: "aiops_" + "x" * 100_000,
        lambda secret: hashlib.sha256(secret.encode()).hexdigest(),
        lambda secret: "aiops_" + hashlib.sha256(secret.encode()).hexdigest()[:43],
    ],
)
async def test_another_key_is_refused_in_the_same_words(
    pool: Pool, viewers: Viewers, wrong: Callable[[str], str]
) -> None:
    machine = Machine()
    await put_key(pool, machine.key())
    tried = wrong(machine.secret)
    with pytest.raises(Unauthenticated) as refused:
        await viewers.identify(f"Bearer {tried}")
    assert tried not in str(refused.value) or tried == "aiops_"
    if tried.startswith("aiops_"):
        assert str(refused.value) == "the API key is not valid; ask an administrator for another"


async def test_a_revoked_key_is_refused_from_the_notification_on(pool: Pool, viewers: Viewers) -> None:
    machine, other = Machine(), Machine()
    await put_key(pool, machine.key(), other.key())
    assert await viewers.identify(machine.header)
    assert await viewers.identify(other.header)
    await put_key(pool, machine.key(2, revoked=True))

    async def refused() -> bool:
        return await known(viewers, machine.header) is None

    await eventually(refused, seconds=5)
    assert await viewers.identify(other.header)


async def test_a_key_ends_when_it_expires_though_it_is_kept(pool: Pool, listener: Listener) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    viewers = Viewers(pool, TokenVerifier(issuer="i", audience="a"), clock=lambda: now[0])
    machine = Machine()
    await put_key(pool, machine.key(expires=now[0] + timedelta(seconds=10)))
    assert await viewers.identify(machine.header)
    now[0] += timedelta(seconds=9)
    assert await viewers.identify(machine.header)
    now[0] += timedelta(seconds=1)
    with pytest.raises(Unauthenticated):
        await viewers.identify(machine.header)


async def test_keys_that_there_are_not_do_not_fill_the_memory(pool: Pool, viewers: Viewers) -> None:
    for _ in range(50):
        assert await known(viewers, Machine().header) is None
    assert viewers._known_keys == {}


@pytest.mark.parametrize("change", ["role", "removal", "key"])
async def test_what_was_kept_is_not_believed_while_no_change_can_be_heard_of(
    pool: Pool, listener: Listener, change: str
) -> None:
    hears = [True]
    # Nobody is subscribed: as if each notification were lost.
    viewers = Viewers(
        pool, TokenVerifier(issuer="aiops-auth", audience="aiops"), listening=lambda: hears[0]
    )  # fmt: skip
    issuer, somebody, machine = Issuer(), user(Role.ADMIN), Machine()
    await put(pool, users=(somebody,), keys=(issuer.key,))
    await put_key(pool, machine.key())
    header = machine.header if change == "key" else issuer.header(somebody.id)
    assert await viewers.identify(header)
    await CHANGES[change](pool, somebody.id, machine)
    assert await viewers.identify(header), "it is kept while changes would be heard of"
    hears[0] = False
    found = await known(viewers, header)
    assert found == (Viewer(somebody.id, access.Role.VIEWER) if change == "role" else None)


async def demote(pool: Pool, user_id: UUID, _: Machine) -> None:
    await put(pool, users=(user(Role.VIEWER, identity=user_id, version=2),))


async def remove(pool: Pool, user_id: UUID, _: Machine) -> None:
    async with pool.connection() as connection:
        await connection.execute("UPDATE users SET removed_at = now(), version = 2 WHERE id = $1", user_id)


async def revoke(pool: Pool, _: UUID, machine: Machine) -> None:
    await put_key(pool, machine.key(2, revoked=True))


CHANGES = {"role": demote, "removal": remove, "key": revoke}


async def test_a_listener_knows_at_once_that_its_connection_broke(pool: Pool, listener: Listener) -> None:
    """Not only at its next probe: what it would be told until then is lost."""
    slow = Listener(listener._url, probe_seconds=60.0)
    slow.subscribe("gateway_changes", print)
    await listening(slow)
    async with pool.connection() as connection:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = current_user AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"
        )
    assert ended

    async def deaf() -> bool:
        return not slow.connected

    await eventually(deaf, seconds=5)
    await slow.stop()


async def test_without_a_database_nobody_is_known(pool: Pool) -> None:
    nowhere = Pool("postgresql://nobody@127.0.0.1:1/none", acquire_seconds=0.2)
    with pytest.raises(DatabaseUnavailable):
        await Viewers(nowhere, TokenVerifier(issuer="i", audience="a")).identify(Machine().header)
