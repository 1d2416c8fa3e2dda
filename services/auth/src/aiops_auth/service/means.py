"""What the use cases of auth work with.

Each use case is a function: load, decide, save and publish, each decision in one transaction. Hashing takes a tenth
of a second and much memory, so it always happens before a transaction, never inside one. Logs tell why something was
refused, by ids only.
"""

from dataclasses import dataclass

from aiops_auth.passwords import Passwords
from aiops_auth.repository import Repository
from aiops_auth.service.credentials import Credentials
from aiops_auth.service.ports import Clock, Publish, Transactions
from aiops_auth.service.security_events import SecurityEvents
from aiops_auth.service.sessions import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Handed to every use case; ``clock`` tells aware UTC times."""

    transactions: Transactions
    repository: Repository
    publish: Publish
    passwords: Passwords
    sessions: Sessions
    credentials: Credentials
    events: SecurityEvents
    clock: Clock
