"""What clients submit: logs, tickets and commits become pending entities and commands."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from aiops_common.messaging.message import Outgoing, outgoing
from aiops_common.messaging.names import COMMANDS_EXCHANGE
from aiops_common.sealing import Keyring
from aiops_common.telemetry import current_trace_id
from aiops_contracts.base import Command, Snapshot
from aiops_contracts.changelog import ChangelogSnapshot, GenerateChangelog
from aiops_contracts.summarizer import LogSnapshot, SummarizeLog
from aiops_contracts.triage import TicketSnapshot, TriageTicket
from aiops_gateway.domain.access import Viewer
from aiops_gateway.repository.read_model import CHANGELOGS, LOG_ENTRIES, TICKETS, Kind
from aiops_gateway.service.acceptance import Acceptance, Identity, Work
from aiops_gateway.service.pending import Origin, pending_changelog, pending_log, pending_ticket
from aiops_gateway.service.redacting import redacted_changelog, redacted_log, redacted_ticket

S = TypeVar("S", bound=Snapshot)

SOURCE = "aiops/gateway"


class Submissions:
    """Accepts what clients submit; each method returns the entity as readers see it now.

    Everything is redacted before it is written or sent. All raise KeyReused (the idempotency key stands for something
    else) and DatabaseUnavailable.
    """

    def __init__(
        self, acceptance: Acceptance, keyring: Keyring, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._acceptance = acceptance
        self._keyring = keyring
        self._clock = clock

    async def summarize_log(self, viewer: Viewer, command: SummarizeLog, key: str | None) -> LogSnapshot:
        """Accept a log."""
        identity = Identity.of(viewer, "summarizeLog", key, command)
        redacted = await redacted_log(command, identity.message_id, self._keyring)
        pending = pending_log(redacted, self._origin(viewer, identity))
        return await self._accept(viewer, identity, LOG_ENTRIES, pending, redacted)

    async def triage_ticket(self, viewer: Viewer, command: TriageTicket, key: str | None) -> TicketSnapshot:
        """Accept a ticket."""
        identity = Identity.of(viewer, "triageTicket", key, command)
        redacted = await redacted_ticket(command)
        pending = pending_ticket(redacted, self._origin(viewer, identity))
        return await self._accept(viewer, identity, TICKETS, pending, redacted)

    async def generate_changelog(
        self, viewer: Viewer, command: GenerateChangelog, key: str | None
    ) -> ChangelogSnapshot:
        """Accept commits or entries."""
        identity = Identity.of(viewer, "generateChangelog", key, command)
        redacted = await redacted_changelog(command)
        pending = pending_changelog(redacted, self._origin(viewer, identity))
        return await self._accept(viewer, identity, CHANGELOGS, pending, redacted)

    def _origin(self, viewer: Viewer, identity: Identity) -> Origin:
        return Origin(identity.message_id, self._clock(), viewer.principal, current_trace_id())

    async def _accept(self, viewer: Viewer, identity: Identity, kind: Kind[S], pending: S, command: Command) -> S:
        message = _command(viewer, identity, pending, command)
        return await self._acceptance.accept(Work(identity, kind, pending, message))


def _command(viewer: Viewer, identity: Identity, pending: Snapshot, command: Command) -> Outgoing:
    # Entity and message share id and time: what the service makes of it is the row that readers already see.
    return outgoing(
        command,
        exchange=COMMANDS_EXCHANGE,
        source=SOURCE,
        subject=str(identity.message_id),
        message_id=identity.message_id,
        principal=viewer.principal,
        role=viewer.role,
        time=pending.created_at,
    )
