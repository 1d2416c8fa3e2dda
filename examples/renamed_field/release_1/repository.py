"""Lines under the old name."""

from aiops_common.postgres import Connection


class LineRepository:
    """Every SQL statement of the release."""

    async def add(self, connection: Connection, identity: int, source: str, message: str) -> None:
        """Write a new line."""
        await connection.execute("INSERT INTO lines (id, source, msg) VALUES ($1, $2, $3)", identity, source, message)

    async def change(self, connection: Connection, identity: int, message: str) -> bool:
        """Write another message; whether there was such a line."""
        status = await connection.execute("UPDATE lines SET msg = $2 WHERE id = $1", identity, message)
        return bool(status == "UPDATE 1")

    async def find(self, connection: Connection, identity: int) -> str | None:
        """The message of a line; None where it has none, or there is no such line."""
        message: str | None = await connection.fetchval("SELECT msg FROM lines WHERE id = $1", identity)
        return message
