"""Feature flags: decided by their owner, known to every service, asked through OpenFeature.

A service keeps the last values that it was told in its own schema (``table``), in every process in memory (``known``),
and learns them anew where it has none (``learning``). ``client`` is what the rest of the code asks.
"""

from aiops_common.flags.client import Flags
from aiops_common.flags.deciding import Context
from aiops_common.flags.known import KnownFlags
from aiops_common.flags.learning import FlagOwner, Learning

__all__ = ["Context", "FlagOwner", "Flags", "KnownFlags", "Learning"]
