"""Auth on an in-memory database, with hashes as cheap as Argon2 allows."""

import os
from collections.abc import Iterator

import pytest

from aiops_auth.domain import StoredCredentialKey
from aiops_auth.passwords import Passwords
from aiops_auth.tokens import CredentialCipher
from unit.auth.harness import Auth, Clock, in_memory


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    cheap = Passwords(memory_kib=8, time_cost=1, parallelism=1, concurrency=2, longest_wait_seconds=60)
    yield cheap
    cheap.close()


@pytest.fixture(scope="session")
def master_key() -> bytes:
    return os.urandom(32)


@pytest.fixture(scope="session")
def credential_key(master_key: bytes) -> StoredCredentialKey:
    """Made once, because that takes a tenth of a second."""
    return CredentialCipher(master_key).new_credential_key(Clock().now)


@pytest.fixture
async def auth(passwords: Passwords, master_key: bytes, credential_key: StoredCredentialKey) -> Auth:
    made = in_memory(master_key, passwords)
    made.database.tables.credential_keys.append(credential_key)
    await made.keys.ensure()
    return made
