"""Lines under both names."""

from aiops_common.flags import Flags
from aiops_common.postgres import Connection
from examples.renamed_field.release_2.steps import Step, step


class LineRepository:
    """Every SQL statement of the release. ``flags`` are asked at each of them, so a step needs no restart.

    All methods raise DatabaseUnavailable while the flags were not looked up since the start.
    """

    def __init__(self, flags: Flags) -> None:
        self._flags = flags

    async def add(self, connection: Connection, identity: int, source: str, message: str) -> None:
        """Write a new line."""
        await connection.execute(
            "INSERT INTO lines (id, source, msg, message) VALUES ($1, $2, $3, CASE WHEN $4 THEN $3 END)",
            identity,
            source,
            message,
            await step(self._flags, identity) is not Step.OLD,
        )

    async def change(self, connection: Connection, identity: int, message: str) -> bool:
        """Write another message; whether there was such a line."""
        status = await connection.execute(
            "UPDATE lines SET msg = $2, message = CASE WHEN $3 THEN $2 ELSE message END WHERE id = $1",
            identity,
            message,
            await step(self._flags, identity) is not Step.OLD,
        )
        return bool(status == "UPDATE 1")

    async def find(self, connection: Connection, identity: int) -> str | None:
        """The message of a line; None where it has none, or there is no such line."""
        message: str | None = await connection.fetchval(
            "SELECT CASE WHEN $2 THEN message ELSE msg END FROM lines WHERE id = $1",
            identity,
            await step(self._flags, identity) is Step.NEW,
        )
        return message
