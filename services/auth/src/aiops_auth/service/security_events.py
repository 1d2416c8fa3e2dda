"""The audit log: what happened to accounts, keys and sessions, written with the effect and announced."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from aiops_auth.domain import Detail, SecurityEvent
from aiops_auth.repository import SecurityEventRepository
from aiops_auth.service.ports import Clock, Publish
from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import Connection
from aiops_common.telemetry import current_trace_id
from aiops_contracts import auth
from aiops_contracts.auth import SecurityEventRecorded

_LONGEST_ADDRESS = 100
_ONCE_A_MINUTE = UUID("5a2c6f0e-41f7-4d0b-9c56-0c6c1d2f7e83")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvents:
    """Records security events: each, or with ``about`` the first of each minute (``once_a_minute``)."""

    repository: SecurityEventRepository
    publish: Publish
    clock: Clock
    about: str | None = None

    def once_a_minute(self, about: str) -> "SecurityEvents":
        """Records what anybody can do as often as they like: of each action and outcome, the first in a minute.

        ``about`` is an id or a digest of whom or what it is done to; others are counted by themselves.
        """
        return replace(self, about=about)

    async def record(
        self,
        connection: Connection,
        action: str,
        outcome: str,
        actor: str,
        subject: UUID | None = None,
        address: str | None = None,
        **details: Detail,
    ) -> None:
        """Write and announce an event within the connection's transaction.

        Args:
            action: what was done, e.g. ``session.logged_in``.
            outcome: how it ended, e.g. ``OK`` or ``BAD_CREDENTIALS``.
            actor: the principal that did it: ``user:<uuid>``, ``key:<uuid>``, ``system`` or ``anonymous``.
            subject: the id of the account or key it was done to, where there is one.
            address: the network address that it came from, where it is known.
            details: ids, numbers and codes; never a secret, a name or an e-mail address.
        """
        now = self.clock()
        event = SecurityEvent(
            id=new_message_id() if self.about is None else _id_in_minute(action, outcome, self.about, now),
            at=now,
            action=action,
            outcome=outcome,
            actor=actor,
            subject=subject,
            # Behind a proxy it is what a header says.
            address=address[:_LONGEST_ADDRESS] if address else None,
            trace_id=current_trace_id(),
            details=details,
        )
        if not await self.repository.add(connection, event):
            return
        announced = SecurityEventRecorded(event=auth.SecurityEvent.model_validate(event))
        await self.publish(connection, [(announced, event.id)])


def _id_in_minute(action: str, outcome: str, about: str, now: datetime) -> UUID:
    # The primary key decides, so replicas and transactions at the same time record one.
    minute = int(now.timestamp()) // 60
    return uuid5(_ONCE_A_MINUTE, f"{action}\n{outcome}\n{about}\n{minute}")
