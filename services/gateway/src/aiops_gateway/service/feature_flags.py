"""Feature flags as administrators change them, each attempt on record, and as the other services learn them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from aiops_common.messaging import outbox
from aiops_common.messaging.message import Delivery, new_message_id, outgoing
from aiops_common.messaging.names import EVENTS_EXCHANGE
from aiops_common.messaging.replay import cut_page
from aiops_common.postgres import Pool
from aiops_contracts.auth import Role
from aiops_contracts.base import (
    MAX_FLAG_ROLES,
    MAX_FLAG_TARGETS,
    MAX_FLAG_VALUE_LENGTH,
    FeatureFlag,
    FlagKey,
    FlagKind,
    FlagTarget,
    Model,
    Storable,
)
from aiops_contracts.gateway import FeatureFlagChanged, ReplayedFeatureFlags, ReplayFeatureFlags
from aiops_gateway.domain.access import Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.repository import feature_flags
from aiops_gateway.repository.feature_flags import StoredFlag
from aiops_gateway.service.acceptance import Identity
from aiops_gateway.service.answers import Answer, Answers
from aiops_gateway.service.audit import Audit
from aiops_gateway.service.submissions import SOURCE

_ACTION: Final = "setFeatureFlag"
_CHANGED: Final = ("enabled", "percentage", "roles", "allow_list", "value", "description")


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


class FlagChange(Model):
    """What a flag is to become; None stays as it is. ``expected_version`` 0 makes a new one, on for everything unless
    it says otherwise; with a ``value`` it is a STRING."""

    key: FlagKey
    enabled: bool | None = None
    percentage: Annotated[int, Field(ge=0, le=100)] | None = None
    roles: Annotated[tuple[Role, ...], Field(max_length=MAX_FLAG_ROLES), AfterValidator(_each_once)] | None = None
    allow_list: (
        Annotated[tuple[FlagTarget, ...], Field(max_length=MAX_FLAG_TARGETS), AfterValidator(_each_once)] | None
    ) = None
    value: Annotated[str, Field(min_length=1, max_length=MAX_FLAG_VALUE_LENGTH), Storable] | None = None
    description: Annotated[str, Field(max_length=500), Storable] | None = None
    expected_version: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.expected_version and all(getattr(self, name) is None for name in _CHANGED):
            raise ValueError("say what is to change: enabled, percentage, roles, allowList, value or description")
        return self


class FlagReply(Model):
    """What came of a change; ``stored`` is the current flag, also on a conflict.

    NO_VALUE: a value was given for a flag that is on or off and says nothing else.
    """

    outcome: Literal["OK", "NOT_FOUND", "VERSION_CONFLICT", "NO_VALUE"]
    stored: StoredFlag | None = None


class FeatureFlags:
    """All methods raise DatabaseUnavailable; ``change`` also KeyReused and StillRunning, as all that take a key."""

    def __init__(
        self, pool: Pool, audit: Audit, answers: Answers, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._pool = pool
        self._audit = audit
        self._answers = answers
        self._clock = clock

    async def page(self, request: PageRequest) -> tuple[list[StoredFlag], bool]:
        """One page of flags, newest first, and whether there are more."""
        async with self._pool.connection() as connection:
            return await feature_flags.page(connection, request)

    async def count(self) -> int:
        """How many flags there are."""
        async with self._pool.connection() as connection:
            return await feature_flags.count(connection)

    async def get(self, identity: UUID) -> StoredFlag | None:
        """One flag, None where there is none."""
        async with self._pool.connection() as connection:
            return await feature_flags.get(connection, identity)

    async def replay(self, delivery: Delivery[ReplayFeatureFlags]) -> ReplayedFeatureFlags:
        """One page of all flags, as their events told of them."""
        request = delivery.message
        async with self._pool.connection() as connection:
            flags = await feature_flags.behind(connection, request.after, request.limit + 1)
        page = await cut_page(_each(flags), lambda flag: flag, lambda flag: flag.key, limit=request.limit)
        return ReplayedFeatureFlags(snapshots=page.snapshots, next_after=page.next_after)

    async def change(self, viewer: Viewer, change: FlagChange, key: str | None, address: str | None) -> FlagReply:
        """Make or change a flag, and tell every service, in one transaction."""
        identity = Identity.under(viewer.principal, _ACTION, key, change.model_dump_json())

        async def act() -> Answer:
            reply = await self._on_record(viewer, change, address)
            return reply.model_dump(mode="json")

        return FlagReply.model_validate(await self._answers.once(identity, act))

    async def _on_record(self, viewer: Viewer, change: FlagChange, address: str | None) -> FlagReply:
        named = [name for name in _CHANGED if getattr(change, name) is not None]
        details = {"flag": change.key, "expected_version": change.expected_version, "changes": named}
        attempt = await self._audit.intend(viewer, _ACTION, details, address=address)
        outcome, facts = "UNKNOWN", dict[str, Any]()
        try:
            reply = await self._change(viewer, change)
            outcome, facts = reply.outcome, _facts(reply)
        finally:
            await self._audit.conclude(attempt, outcome, facts)
        return reply

    async def _change(self, viewer: Viewer, change: FlagChange) -> FlagReply:
        async with self._pool.transaction() as connection:
            before = await feature_flags.lock(connection, change.key)
            if refusal := _refusal(before, change):
                return FlagReply(outcome=refusal, stored=before)
            after = _changed(before, change, self._clock(), viewer.principal)
            await feature_flags.save(connection, after)
            event = FeatureFlagChanged(flag=after.flag)
            told = outgoing(event, exchange=EVENTS_EXCHANGE, source=SOURCE, subject=str(after.id))
            await outbox.append(connection, [told])
        return FlagReply(outcome="OK", stored=after)


def _refusal(
    before: StoredFlag | None, change: FlagChange
) -> Literal["NOT_FOUND", "VERSION_CONFLICT", "NO_VALUE"] | None:
    if before is None:
        return "NOT_FOUND" if change.expected_version else None
    if before.flag.version != change.expected_version:
        return "VERSION_CONFLICT"
    return "NO_VALUE" if change.value is not None and before.flag.kind is FlagKind.BOOLEAN else None


def _changed(before: StoredFlag | None, change: FlagChange, now: datetime, by: str) -> StoredFlag:
    kind = FlagKind.BOOLEAN if change.value is None else FlagKind.STRING
    known = before.flag.model_dump() if before else {"kind": kind, "enabled": True}
    asked = {"enabled": change.enabled, "percentage": change.percentage, "roles": change.roles, "value": change.value}
    given = {name: value for name, value in {**asked, "allow": change.allow_list}.items() if value is not None}
    version = change.expected_version + 1
    if before is not None:  # a gateway's clock that is slow must not make the change look old
        now = max(now, before.flag.updated_at + timedelta(microseconds=1))
    flag = FeatureFlag.model_validate({**known, **given, "key": change.key, "version": version, "updated_at": now})
    if before is None:
        return StoredFlag(
            id=new_message_id(), flag=flag, description=change.description or "", created_at=now, updated_by=by
        )
    description = before.description if change.description is None else change.description
    return before.model_copy(update={"flag": flag, "description": description, "updated_by": by})


def _facts(reply: FlagReply) -> dict[str, Any]:
    if reply.stored is None:
        return {}
    flag = reply.stored.flag
    return {
        "version": flag.version,
        "enabled": flag.enabled,
        "value": flag.value,
        "percentage": flag.percentage,
        "roles": list(flag.roles),
        "allowed": len(flag.allow),
    }


async def _each(flags: list[FeatureFlag]) -> Any:
    for flag in flags:
        yield flag
