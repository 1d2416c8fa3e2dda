"""Who had what done: in the audit log and, as lines named ``audit``, in the log of the process."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID, uuid5

from aiops_common.logging import get_logger
from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_common.telemetry import current_trace_id
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.domain.rates import address_key
from aiops_gateway.repository import audit
from aiops_gateway.repository.audit import Attempt

_log = get_logger(__name__)

STARTED: Final = "STARTED"
"""The outcome of what was not concluded: it runs at this moment, or the process ended amid it."""

READ: Final = "READ"
"""The outcome of a reading that is recorded with what it reads."""

FORBIDDEN: Final = "FORBIDDEN"
"""The outcome of what the caller may not do."""

UNAUTHENTICATED: Final = "UNAUTHENTICATED"
"""The outcome of what came with a token or key that is not valid."""

_ANONYMOUS: Final = "anonymous"

_MOST_LOGGED: Final = 1_000
"""Longer lists stand in the audit log only: a whole queue's ids would make a line of megabytes."""

_MOST_REMEMBERED: Final = 10_000
_REFUSALS: Final = UUID("0b2a7f2e-53a5-5c0b-8e47-5f5f9d0c6a34")


class Audit:
    """Records attempts before they are made, so that none is made without a record.

    What auth decides is not recorded here: auth writes it down with the decision, and tells it by an event.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._refused: OrderedDict[UUID, None] = OrderedDict()

    async def intend(
        self,
        viewer: Viewer,
        action: str,
        details: dict[str, Any],
        *,
        subject: UUID | None = None,
        address: str | None = None,
    ) -> Attempt:
        """Record what ``viewer`` is about to have done. ``details`` may hold ids, numbers and names of ours only.

        Raises:
            DatabaseUnavailable: it may not have been recorded, so it must not be done.
        """
        attempt = _attempt(viewer, action, details, subject, address)
        async with self._pool.connection() as connection:
            await audit.add(connection, attempt, STARTED)
        return attempt

    async def conclude(self, attempt: Attempt, outcome: str, facts: dict[str, Any]) -> None:
        """Record what came of it. It happened whether or not that can be recorded, so this raises nothing."""
        _log.info(
            "audit",
            audit_id=str(attempt.id),
            actor=attempt.principal,
            action=attempt.action,
            **_logged({**attempt.details, **facts, "outcome": outcome}),
        )
        try:
            async with self._pool.connection() as connection:
                await audit.complete(connection, attempt.id, outcome, facts)
        except DatabaseUnavailable as error:
            _log.warning("audit.outcome_not_kept", audit_id=str(attempt.id), error=str(error))

    async def refuse(self, viewer: Viewer, action: str, address: str | None) -> None:
        """Record that ``viewer`` may not do this: one row and one line for a principal, an action and a minute.

        Otherwise anybody with an account could fill the table. Raises nothing: it is refused in any case.
        """
        await self._once_a_minute(
            viewer.principal, viewer.principal, action, FORBIDDEN, address, details={"role": viewer.role}
        )

    async def refuse_credential(self, address: str | None) -> None:
        """Record that a token or API key came from there that is not valid: one row and one line for a network and a
        minute. An expired token is not meant, every client has one now and then. Raises nothing."""
        network = address_key(address)
        await self._once_a_minute(network, _ANONYMOUS, "authenticate", UNAUTHENTICATED, address, details={})

    async def _once_a_minute(
        self, whose: str, principal: str, action: str, outcome: str, address: str | None, *, details: dict[str, Any]
    ) -> None:
        refusal = uuid5(_REFUSALS, f"{whose}\n{action}\n{int(time.time() // 60)}")
        if refusal in self._refused:
            return
        self._refused[refusal] = None
        if len(self._refused) > _MOST_REMEMBERED:
            self._refused.popitem(last=False)
        _log.warning("audit", actor=principal, action=action, outcome=outcome, **details)
        attempt = Attempt(
            id=refusal,
            principal=principal,
            action=action,
            address=address,
            trace_id=current_trace_id(),
            details=details,
        )
        try:
            async with self._pool.connection() as connection:
                await audit.add(connection, attempt, outcome)
        except DatabaseUnavailable as error:
            self._refused.pop(refusal, None)
            _log.warning("audit.refusal_not_kept", action=action, error=str(error))


async def record_reading(
    connection: Connection,
    viewer: Viewer,
    action: str,
    address: str | None,
    rows: int,
    request: PageRequest | None = None,
    asked: Mapping[str, Any] | None = None,
    *,
    subject: UUID | None = None,
) -> None:
    """Record that ``viewer`` reads, in the transaction that reads: nobody reads unrecorded.

    ``asked`` is what the record may say of the condition: ids, times and names of ours; None is left out.
    """
    details: dict[str, Any] = {"rows": rows, **(asked or {})}
    if request is not None:
        details |= {"first": request.size, "after": request.after.cursor() if request.after else None}
    given = {name: value for name, value in details.items() if value is not None}
    await audit.add(connection, _attempt(viewer, action, given, subject, address), READ)


def _attempt(
    viewer: Viewer, action: str, details: dict[str, Any], subject: UUID | None, address: str | None
) -> Attempt:
    return Attempt(
        id=new_message_id(),
        principal=viewer.principal,
        action=action,
        subject=subject,
        address=address,
        trace_id=current_trace_id(),
        details=details,
    )


def _logged(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if not isinstance(value, list) or len(value) <= _MOST_LOGGED}
