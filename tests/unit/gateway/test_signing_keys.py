"""When the keys are read again: told by the database, or asked for by a token, but not by as many as anybody likes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

import orjson
import pytest

from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Unauthenticated
from aiops_gateway.service.signing_keys import LOOK_AGAIN_SECONDS, SigningKeys
from unit.gateway.signing import AUDIENCE, ISSUER, USER, Signer

SIGNER = Signer()


@dataclass
class Database:
    """Keys by kid; counts how often it is asked."""

    kids: list[str] = field(default_factory=list)
    asked: int = 0
    is_away: bool = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Database"]:
        await asyncio.sleep(0)
        if self.is_away:
            raise DatabaseUnavailable("away")
        yield self

    async def fetch(self, _: str) -> list[dict[str, Any]]:
        self.asked += 1
        await asyncio.sleep(0)
        return [{"kid": kid, "jwk": orjson.dumps(SIGNER.jwk), "verifies_until": None} for kid in self.kids]


@dataclass
class Stopwatch:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Parts:
    database: Database = field(default_factory=Database)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def keys(self) -> SigningKeys:
        verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE)
        return SigningKeys(cast(Pool, self.database), verifier, elapsed=self.stopwatch)


async def is_refused(keys: SigningKeys, token: str) -> bool:
    try:
        await keys.verify(token)
    except Unauthenticated:
        return True
    return False


async def test_a_key_that_the_database_has_already_is_found_before_its_notification() -> None:
    parts = Parts(Database(["old"]))
    keys = parts.keys()
    assert await keys.verify(SIGNER.token(kid="old")) == USER
    parts.database.kids.append("new")
    assert await keys.verify(SIGNER.token(kid="new")) == USER


async def test_made_up_kids_cost_one_query_in_a_while_however_many_come() -> None:
    parts = Parts(Database(["known"]))
    keys = parts.keys()
    forged = [SIGNER.token(kid=str(uuid4())) for _ in range(200)]
    assert all(await asyncio.gather(*(is_refused(keys, token) for token in forged)))
    assert all([await is_refused(keys, token) for token in forged])
    assert parts.database.asked <= 2, "at the start, and for the first of the forged ones"
    parts.stopwatch.seconds += LOOK_AGAIN_SECONDS
    assert all(await asyncio.gather(*(is_refused(keys, token) for token in forged)))
    assert parts.database.asked <= 3
    assert await keys.verify(SIGNER.token(kid="known")) == USER


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 5000, SIGNER.token(kid=""), SIGNER.token(kid=None)])
async def test_what_names_no_key_asks_for_none(token: str) -> None:
    parts = Parts()
    keys = parts.keys()
    assert await is_refused(keys, token)
    assert parts.database.asked == 1


async def test_a_signature_that_is_wrong_under_a_known_key_asks_for_none() -> None:
    parts = Parts(Database(["known"]))
    keys = parts.keys()
    assert await is_refused(keys, Signer().token(kid="known"))
    assert parts.database.asked == 1


async def test_made_up_kids_while_the_database_is_away_are_refused_and_known_tokens_go_on() -> None:
    parts = Parts(Database(["known"]))
    keys = parts.keys()
    good = SIGNER.token(kid="known")
    assert await keys.verify(good) == USER
    parts.database.is_away = True
    with pytest.raises(DatabaseUnavailable):
        await keys.verify(SIGNER.token(kid="other"))
    assert await is_refused(keys, SIGNER.token(kid="another")), "nobody waits for the database again so soon"
    assert await keys.verify(good) == USER


async def test_what_was_read_last_is_published_while_the_database_is_away() -> None:
    parts = Parts(Database(["known"], is_away=True))
    keys = parts.keys()
    assert await keys.published() == []
    parts.database.is_away = False
    assert [key["kid"] for key in await keys.published()] == ["known"]
    keys.forget()
    parts.database.is_away = True
    assert [key["kid"] for key in await keys.published()] == ["known"]
