"""Who had what done: in the audit log and, as lines named ``audit``, in the log of the process."""

from typing import Any

from aiops_common.logging import get_logger
from aiops_common.messaging.message import new_message_id
from aiops_common.postgres import DatabaseUnavailable, Pool
from aiops_common.telemetry import current_trace_id
from aiops_gateway.domain.access import Viewer
from aiops_gateway.repository import audit
from aiops_gateway.repository.audit import Attempt

_log = get_logger(__name__)

STARTED = "STARTED"
"""The outcome of what was not concluded: it runs at this moment, or the process ended amid it."""

_MOST_LOGGED = 1_000
"""Longer lists stand in the audit log only: a whole queue's ids would make a line of megabytes."""


class Audit:
    """Records attempts before they are made, so that none is made without a record."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def intend(self, viewer: Viewer, action: str, details: dict[str, Any]) -> Attempt:
        """Record what ``viewer`` is about to have done. ``details`` may hold ids, numbers and names of ours only.

        Raises:
            DatabaseUnavailable: it may not have been recorded, so it must not be done.
        """
        facts = {**details, "outcome": STARTED, "trace_id": current_trace_id()}
        attempt = Attempt(new_message_id(), viewer.user_id, action, facts)
        async with self._pool.connection() as connection:
            await audit.add(connection, attempt)
        return attempt

    async def conclude(self, attempt: Attempt, outcome: str, facts: dict[str, Any]) -> None:
        """Record what came of it. It happened whether or not that can be recorded, so this raises nothing."""
        _log.info(
            "audit",
            audit_id=str(attempt.id),
            actor=str(attempt.actor),
            action=attempt.action,
            **_logged({**attempt.details, **facts, "outcome": outcome}),
        )
        try:
            async with self._pool.connection() as connection:
                await audit.complete(connection, attempt.id, {**facts, "outcome": outcome})
        except DatabaseUnavailable as error:
            _log.warning("audit.outcome_not_kept", audit_id=str(attempt.id), error=str(error))


def _logged(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if not isinstance(value, list) or len(value) <= _MOST_LOGGED}


def tell_forbidden(viewer: Viewer, action: str) -> None:
    """An attempt that the role forbids. In the process's log only: anybody could fill the table with these."""
    _log.warning("audit", actor=str(viewer.user_id), role=viewer.role, action=action, outcome="FORBIDDEN")
