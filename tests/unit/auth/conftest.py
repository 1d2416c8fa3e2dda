"""Auth on an in-memory database, with hashes as cheap as Argon2 allows."""

import os
from collections.abc import Iterator

import pytest

from aiops_auth.passwords import Passwords
from aiops_auth.service import AuthService
from unit.auth.harness import Auth, Clock, issuer
from unit.auth.in_memory import Database, InMemoryRepository


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    cheap = Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=2)
    yield cheap
    cheap.close()


@pytest.fixture
async def auth(passwords: Passwords) -> Auth:
    database, clock = Database(), Clock()
    service = AuthService(
        transactions=database.transaction,
        repository=InMemoryRepository(),
        publish=database.publish,
        passwords=passwords,
        tokens=issuer(os.urandom(32)),
        clock=clock,
    )
    await service.ensure_signing_key()
    return Auth(service, database, clock)
