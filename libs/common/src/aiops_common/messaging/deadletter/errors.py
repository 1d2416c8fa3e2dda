"""What can go wrong with dead letters, besides a broker that is away (BrokerUnavailable)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from aiops_common.messaging.deadletter.letter import DeadLetter


class NoSuchLetter(Exception):
    """Letters that were asked for by id are not in the queue, or somebody else is looking at them; nothing changed.

    ``ids`` are those that were not found.
    """

    def __init__(self, queues: Sequence[str], ids: Collection[UUID]) -> None:
        self.ids = frozenset(ids)
        named = ", ".join(sorted(map(str, ids)))
        super().__init__(f"{' and '.join(queues)}: no dead letter {named}; nothing was changed")


class NotReplayable(Exception):
    """Letters that cannot be sent back because nothing says from which queue they came; nothing changed.

    ``ids`` are theirs.
    """

    def __init__(self, queue: str, ids: Collection[UUID]) -> None:
        self.ids = frozenset(ids)
        named = ", ".join(sorted(map(str, ids)))
        super().__init__(
            f"{queue}: {named} cannot be replayed: no consumer ever had it, so there is no queue to return it to. "
            "Grant the sender its type and let it send again, or discard the letter. Nothing was changed"
        )


class QueueRefused(Exception):
    """The queue does not exist, or the user of the connection may not read it; nothing changed."""


class Stopped(Exception):
    """A replay or discard failed in the middle; ``done`` are the letters that were certainly dealt with before.

    The others are in the queue as before; one whose confirm was lost may have been sent as well. The text says why; the
    cause is BrokerUnavailable or Unroutable.
    """

    def __init__(self, why: str, done: Sequence[DeadLetter]) -> None:
        self.done = tuple(done)
        super().__init__(why)
