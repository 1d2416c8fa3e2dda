"""Dead letters without a broker, and an audit log without a database; both write down what happened, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from typing_extensions import override

from aiops_common.messaging.deadletter import DeadLetter, DeadLetters, NoSuchLetter, NotReplayable, Selection
from aiops_common.postgres import Pool
from aiops_gateway.domain.access import Viewer
from aiops_gateway.repository.audit import Attempt
from aiops_gateway.service.answers import Answers
from aiops_gateway.service.audit import Audit

EVERYTHING = Selection()
START = datetime(2026, 1, 1, tzinfo=UTC)


def letter(
    queue: str = "triage.dead", *, second: int = 0, identity: UUID | None = None, body: str = "{", attempts: int = 1
) -> DeadLetter:
    """A letter that died ``second`` seconds after the first one."""
    return DeadLetter(
        id=identity or uuid4(), queue=queue, message_type="triage.triage_ticket.v1", message_id=None,
        reason="not_json", error="the body is not valid JSON", attempts=attempts,
        dead_at=START + timedelta(seconds=second), trace_id="0" * 31 + "1", principal="partner:acme", body=body,
    )  # fmt: skip


class FakeDeadLetters(DeadLetters):
    """Letters in memory. With ``failure`` every call raises that instead; ``unreturnable`` letters have no origin."""

    def __init__(self, *letters: DeadLetter, journal: list[str] | None = None) -> None:
        super().__init__("amqp://gateway@localhost/", name="test")
        self.journal = journal if journal is not None else []
        self.letters = list(letters)
        self.unreturnable: frozenset[UUID] = frozenset()
        self.failure: BaseException | None = None

    @override
    async def browse(
        self, queues: Sequence[str], selection: Selection = EVERYTHING, limit: int = 1000
    ) -> list[DeadLetter]:
        return sorted(self._found(queues, selection), key=lambda one: one.dead_at, reverse=True)[:limit]

    @override
    async def replay(self, queue: str, selection: Selection, *, dry_run: bool = False) -> list[DeadLetter]:
        found = self._found([queue], selection)
        if stuck := [one.id for one in found if one.id in self.unreturnable]:
            raise NotReplayable(queue, stuck)
        self.journal.append(f"replay {len(found)}")
        self.letters = [one for one in self.letters if one not in found]
        return found

    def _found(self, queues: Sequence[str], selection: Selection) -> list[DeadLetter]:
        if self.failure is not None:
            raise self.failure
        found = [one for one in self.letters if one.queue in queues and selection.matches(one)]
        if selection.ids is not None and (missing := selection.ids - {one.id for one in found}):
            raise NoSuchLetter(queues, missing)
        return found


def unkept() -> Answers:
    """For requests without an idempotency key: there is nowhere to keep their answers."""
    return Answers(Pool("postgresql://nobody@127.0.0.1:1/none"), wait_seconds=1)


@dataclass(slots=True)
class Record:
    """A row of the audit log, the outcome among its details."""

    actor: str
    action: str
    details: dict[str, Any]


class FakeAudit(Audit):
    """The audit log in memory; with ``failure`` nothing can be recorded."""

    def __init__(self, journal: list[str] | None = None) -> None:
        super().__init__(Pool("postgresql://nobody@127.0.0.1:1/none"))
        self.journal = journal if journal is not None else []
        self.records: dict[UUID, Record] = {}
        self.failure: Exception | None = None

    @override
    async def intend(
        self,
        viewer: Viewer,
        action: str,
        details: dict[str, Any],
        *,
        subject: UUID | None = None,
        address: str | None = None,
    ) -> Attempt:
        if self.failure is not None:
            raise self.failure
        attempt = Attempt(
            id=uuid4(), principal=viewer.principal, action=action, subject=subject, address=address, details=details
        )
        self.records[attempt.id] = Record(viewer.principal, action, {**details, "outcome": "STARTED"})
        self.journal.append("intend")
        return attempt

    @override
    async def conclude(self, attempt: Attempt, outcome: str, facts: dict[str, Any]) -> None:
        self.records[attempt.id].details |= {**facts, "outcome": outcome}
        self.journal.append(f"conclude {outcome}")

    @override
    async def refuse(self, viewer: Viewer, action: str, address: str | None) -> None:
        self.records[uuid4()] = Record(viewer.principal, action, {"outcome": "FORBIDDEN"})

    @property
    def last(self) -> dict[str, Any]:
        """The details of the newest record."""
        return list(self.records.values())[-1].details
