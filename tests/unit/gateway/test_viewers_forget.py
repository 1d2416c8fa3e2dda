"""What is forgotten while it is being read is read again: the answer on its way may be the old one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from aiops_common.postgres import Pool
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.service.viewers import Viewers

ID = uuid4()


@dataclass
class Database:
    """One account and one key; ``amid`` is called once, between a read and its answer."""

    role: str = "ADMIN"
    kid: str = "old"
    amid: Callable[[], None] = lambda: None
    looked_up: int = 0
    reading: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Database"]:
        yield self

    async def fetchrow(self, _: str, user_id: UUID) -> dict[str, Any]:
        self.looked_up += 1
        self.reading.set()
        await asyncio.sleep(0)
        now = datetime.now(UTC)
        names = {"email": "a@b.example", "display_name": "A", "created_at": now, "updated_at": now}
        return cast(dict[str, Any], self._answer({"id": user_id, "version": 1, "role": self.role, **names}))

    async def fetch(self, _: str) -> list[dict[str, Any]]:
        return cast(list[dict[str, Any]], self._answer([{"kid": self.kid, "jwk": b"{}", "verifies_until": None}]))

    def _answer(self, read: Any) -> Any:
        amid, self.amid = self.amid, lambda: None
        amid()
        return read


class Keys(TokenVerifier):
    """Every token is of one account; the keys are written down."""

    def __init__(self) -> None:
        super().__init__(issuer="i", audience="a")
        self.kids: list[str] = []

    def use_keys(self, jwks: Any) -> None:
        self.kids = list(jwks)

    def verify(self, token: str) -> UUID:
        return ID


async def test_a_role_that_changes_while_it_is_read_is_read_again() -> None:
    database = Database()
    viewers = Viewers(cast(Pool, database), Keys())
    await viewers.identify("Bearer x")
    viewers.forget(ID)

    def demote() -> None:
        database.role = "VIEWER"
        viewers.forget(ID)

    database.amid = demote
    await viewers.identify("Bearer x")
    assert await viewers.identify("Bearer x") == Viewer(ID, Role.VIEWER)


async def test_keys_that_change_while_they_are_read_are_read_again() -> None:
    database, keys = Database(), Keys()
    viewers = Viewers(cast(Pool, database), keys)

    def rotate() -> None:
        database.kid = "new"
        viewers.forget_keys()

    database.amid = rotate
    await viewers.identify("Bearer x")
    await viewers.identify("Bearer x")
    assert keys.kids == ["new"]


async def test_those_who_ask_at_once_share_one_look_up() -> None:
    database = Database()
    viewers = Viewers(cast(Pool, database), Keys())
    found = await asyncio.gather(*(viewers.identify("Bearer x") for _ in range(1_000)))
    assert set(found) == {Viewer(ID, Role.ADMIN)}
    assert database.looked_up == 1


async def test_who_asks_after_a_change_does_not_share_what_was_read_before_it() -> None:
    database = Database()
    viewers = Viewers(cast(Pool, database), Keys())
    early = asyncio.create_task(viewers.identify("Bearer x"))
    await database.reading.wait()
    database.role = "VIEWER"
    viewers.forget(ID)
    assert await viewers.identify("Bearer x") == Viewer(ID, Role.VIEWER)
    await early


async def test_nothing_is_shared_while_changes_cannot_be_heard_of() -> None:
    database = Database()
    viewers = Viewers(cast(Pool, database), Keys(), listening=lambda: False)
    await asyncio.gather(*(viewers.identify("Bearer x") for _ in range(3)))
    assert database.looked_up == 3
