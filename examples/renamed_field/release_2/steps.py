"""Which name counts, as feature flags say: each step, and its way back, is one change of a flag."""

from enum import StrEnum
from typing import Final

from aiops_common.flags import Context, Flags

WRITE: Final = "lines.write_message"
"""Dual write: message is written beside msg."""
READ: Final = "lines.read_message"
"""Reads are switched: message is read instead of msg."""


class Step(StrEnum):
    """What counts. Two processes may be one step apart for as long as they like, never two."""

    OLD = "old"
    """msg is written and read, as by the release before."""
    BOTH = "both"
    """Both are written, msg is read."""
    NEW = "new"
    """Both are written, message is read."""


async def step(flags: Flags, identity: int) -> Step:
    """The step of the line ``identity``, by how many of the two flags are on for it.

    Counted, so that no change of one flag is ever two steps, in whatever order they are made and heard of: READ alone
    is no more than WRITE alone. A flag that nobody has made is off, which is right beside every other step but NEW.

    Raises:
        DatabaseUnavailable: the flags were not looked up since the start. Nobody may guess: others may be at NEW.
    """
    line = Context(work=str(identity))
    on = [await flags.is_on(key, line, default=False) for key in (WRITE, READ)]
    return tuple(Step)[sum(on)]
