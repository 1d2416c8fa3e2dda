"""The audit log: what happened to accounts, keys and sessions, written with the effect and announced."""

from dataclasses import dataclass
from uuid import UUID

from aiops_auth.domain import Detail, SecurityEvent
from aiops_auth.repository import SecurityEventRepository
from aiops_auth.service.ports import Clock, Publish
from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import Connection
from aiops_common.telemetry import current_trace_id
from aiops_contracts import auth
from aiops_contracts.auth import SecurityEventRecorded

_LONGEST_ADDRESS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvents:
    """Records security events."""

    repository: SecurityEventRepository
    publish: Publish
    clock: Clock

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
        event = SecurityEvent(
            id=new_message_id(),
            at=self.clock(),
            action=action,
            outcome=outcome,
            actor=actor,
            subject=subject,
            # Behind a proxy it is what a header says.
            address=address[:_LONGEST_ADDRESS] if address else None,
            trace_id=current_trace_id(),
            details=details,
        )
        await self.repository.add(connection, event)
        announced = SecurityEventRecorded(event=auth.SecurityEvent.model_validate(event))
        await self.publish(connection, [(announced, event.id)])
