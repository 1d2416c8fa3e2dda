"""An administrator who cannot log in, for requests that one must make."""

from uuid import UUID, uuid4

from aiops_common.postgres import Pool


async def add_admin(pool: Pool, identity: UUID | None = None) -> UUID:
    """The id of an account with role ADMIN at version 1, which ``identity`` may say."""
    identity = identity or uuid4()
    async with pool.transaction() as connection:
        await connection.execute(
            "INSERT INTO accounts (id, version, email, display_name, role, password_hash, created_at, updated_at) "
            "VALUES ($1, 1, $2, 'Root', 'ADMIN', '$argon2id$none', now(), now()) ON CONFLICT DO NOTHING",
            identity,
            f"{identity}@example.org",
        )
    return identity
