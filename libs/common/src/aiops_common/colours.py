"""Two releases beside each other, called blue and green: which of them takes work.

Each schema says it for its own service, so that it holds wherever PostgreSQL can be reached, without which no work is
done anyway, and whatever becomes of the broker or of a release. A process that was given no colour always takes work.
"""

from collections.abc import Callable, Iterable
from typing import Final

from aiops_common.postgres import Connection, Listener, Pool
from aiops_common.settings import Colour

_LOCK: Final = "LOCK TABLE active_colours IN SHARE ROW EXCLUSIVE MODE"
_READ: Final = "SELECT colour FROM active_colours"
_REMOVE: Final = "DELETE FROM active_colours WHERE colour <> ALL($1::text[])"
_ADD: Final = "INSERT INTO active_colours (colour) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_TELL: Final = "SELECT pg_notify('colours_' || current_schema(), '')"


class DecidedMeanwhile(Exception):
    """Others take work by now than whoever decides believed; the message says who. Nothing was changed."""


def named(colours: Iterable[Colour]) -> str:
    """``colours`` in words, in their order: ``blue and green``."""
    return " and ".join(sorted(colours)) or "none"


async def active(connection: Connection) -> frozenset[Colour]:
    """The colours that take work from the queues of the connection's schema."""
    return frozenset(Colour(row["colour"]) for row in await connection.fetch(_READ))


async def activate(
    connection: Connection, colours: Iterable[Colour], instead_of: Iterable[Colour] = ()
) -> frozenset[Colour]:
    """Let ``colours``, and no others, take work from now on, and tell every process; returns who did before.

    ``instead_of`` is who the caller believes took it until now; nobody where that does not matter.

    Raises:
        ValueError: there is no colour; the service would do nothing.
        DecidedMeanwhile: others than ``instead_of`` take it.
    """
    wanted = sorted(set(colours))
    if not wanted:
        raise ValueError("no colour was given; without one nobody would take work")
    believed = frozenset(instead_of)
    async with connection.transaction():
        await connection.execute(_LOCK)  # of two at once, the second decides
        before = await active(connection)
        if believed and believed != before:
            raise DecidedMeanwhile(f"{named(before)} takes the work by now, not {named(believed)}: nothing was changed")
        await connection.execute(_REMOVE, wanted)
        await connection.execute(_ADD, wanted)
        await connection.execute(_TELL)
    return before


class Turn:
    """Whether it is the turn of the process of colour ``own``, as ``schema`` says."""

    def __init__(self, pool: Pool, own: Colour | None) -> None:
        self._pool = pool
        self._own = own
        self._others: frozenset[Colour] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether it is another colour's turn, as of the last look."""
        return self._others is not None

    def follow(self, listener: Listener, schema: str, changed: Callable[[], None]) -> None:
        """Have ``changed`` called when the answer may be another; to be called before the listener starts."""
        listener.subscribe(f"colours_{schema}", lambda _payload: changed())

    async def look(self) -> str | None:
        """Why this process takes no work, None where it does; raises DatabaseUnavailable."""
        if self._own is None:
            return None
        async with self._pool.connection() as connection:
            colours = await active(connection)
        self._others = None if self._own in colours else colours
        return self.told()

    def told(self) -> str | None:
        """What the last look said, as ``look`` does."""
        return None if self._others is None else f"{named(self._others)} takes the work, this is {self._own}"
