"""Dead letters: looking at them, sending them back to where they were consumed, throwing them away.

``python -m aiops_common.messaging.deadletter`` does it from the command line.
"""

from aiops_common.messaging.connection import BrokerUnavailable
from aiops_common.messaging.deadletter.errors import NoSuchLetter, NotReplayable, QueueRefused, Stopped
from aiops_common.messaging.deadletter.letter import DeadLetter, Selection
from aiops_common.messaging.deadletter.office import DeadLetters

__all__ = [
    "BrokerUnavailable",
    "DeadLetter",
    "DeadLetters",
    "NoSuchLetter",
    "NotReplayable",
    "QueueRefused",
    "Selection",
    "Stopped",
]
