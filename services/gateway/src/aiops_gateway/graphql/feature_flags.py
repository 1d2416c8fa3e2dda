"""Feature flags in the API: the type, its list, and changing one. All of it is for ADMIN."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

import strawberry

from aiops_gateway.domain.access import Viewer, may_use
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.graphql.connections import Connection
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.enums import FlagKind, Role, UserErrorCode
from aiops_gateway.graphql.errors import UserError, user_error, user_errors, version_conflict
from aiops_gateway.graphql.ids import from_global_id, to_global_id
from aiops_gateway.graphql.inputs import InvalidInput, checked_key, to_message
from aiops_gateway.graphql.types import Node
from aiops_gateway.repository.feature_flags import StoredFlag
from aiops_gateway.service.acceptance import KeyReused
from aiops_gateway.service.feature_flags import FlagChange, FlagReply

_TYPE: Final = "FeatureFlag"
_TARGETS: Final = {
    "User": "user",
    "ApiKey": "key",
    "LogEntry": "log_entry",
    "Ticket": "ticket",
    "Changelog": "changelog",
}
"""Type of what an allow list may name → how the services name it."""
_TYPES: Final = {name: type_name for type_name, name in _TARGETS.items()}


@strawberry.type(
    description="A switch that every service knows, also while the gateway is away. While it is enabled it is on for "
    "what allowList names, for all work of users with one of the roles, and for a percentage of all other work."
)
class FeatureFlag(Node):
    key: str = strawberry.field(description="What it is asked by, e.g. triage.llm.")
    version: int
    kind: FlagKind
    value: str | None = strawberry.field(description="What a STRING says where it is on; null for a BOOLEAN.")
    description: str
    enabled: bool = strawberry.field(description="Off, it is off for everything, and keeps all that follows.")
    percentage: int = strawberry.field(description="Of the work that nothing else decides about, by its id; 0 to 100.")
    roles: list[Role]
    allow_list: list[strawberry.ID] = strawberry.field(
        description="Users, API keys, log entries, tickets and changelogs for which it is on."
    )
    created_at: datetime
    updated_at: datetime
    updated_by: strawberry.ID | None = strawberry.field(description="A User or ApiKey; null for the system.")

    @classmethod
    def of(cls, stored: StoredFlag) -> Self:
        """As administrators see it."""
        flag = stored.flag
        return cls(
            id=to_global_id(_TYPE, stored.id),
            key=flag.key,
            version=flag.version,
            kind=flag.kind,
            value=flag.value,
            description=stored.description,
            enabled=flag.enabled,
            percentage=flag.percentage,
            roles=[Role(role) for role in flag.roles],
            allow_list=[_shown(target) for target in flag.allow],
            created_at=stored.created_at,
            updated_at=flag.updated_at,
            updated_by=_shown(stored.updated_by) if stored.updated_by else None,
        )


@strawberry.input(description="What is not given stays as it is.")
class SetFeatureFlagInput:
    key: str = strawberry.field(description="Lower-case words joined by dots, e.g. triage.llm; up to 100 characters.")
    enabled: bool | None = None
    percentage: int | None = strawberry.field(default=None, description="0 to 100; raising it takes no work away.")
    roles: list[Role] | None = None
    allow_list: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Up to 1,000 users, API keys, log entries, tickets and changelogs."
    )
    value: str | None = strawberry.field(
        default=None, description="What it says where it is on; given to a new flag, it makes that a STRING."
    )
    description: str | None = None
    expected_version: int = strawberry.field(description="0 makes a new flag, which is enabled and on for everything.")
    idempotency_key: str | None = None


@strawberry.type
class SetFeatureFlagPayload:
    feature_flag: FeatureFlag | None = strawberry.field(
        default=None, description="On VERSION_CONFLICT the current one."
    )
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.type
class FeatureFlagQuery:
    @strawberry.field(description="All feature flags, newest first. ADMIN only.")
    async def feature_flags(
        self, info: Info, first: int | None = None, after: str | None = None
    ) -> Connection[FeatureFlag]:
        await info.context.require("featureFlags")
        flags = info.context.use_cases.feature_flags
        rows, has_next = await flags.page(PageRequest.of(first, after, None, None))
        return Connection.of(
            [(Position(stored.created_at, stored.id), FeatureFlag.of(stored)) for stored in rows],
            has_next=has_next,
            has_previous=after is not None,
            counter=flags.count,
        )


async def feature_flag(info: Info, viewer: Viewer, identity: UUID) -> FeatureFlag | None:
    """One flag; None where there is none that ``viewer`` may see."""
    if not may_use(viewer, "featureFlags"):
        return None
    found = await info.context.use_cases.feature_flags.get(identity)
    return FeatureFlag.of(found) if found else None


@strawberry.type
class FeatureFlagMutation:
    @strawberry.mutation(
        description="Make or change a feature flag, if it still is at expectedVersion; every service follows within "
        "5 s. Recorded in the audit log. ADMIN only."
    )
    async def set_feature_flag(self, info: Info, input: SetFeatureFlagInput) -> SetFeatureFlagPayload:  # noqa: A002
        viewer = await info.context.require("setFeatureFlag")
        values = vars(input).copy()
        try:
            key = checked_key(values.pop("idempotency_key"))
            values["allow_list"] = _targets(input.allow_list)
            change = to_message(FlagChange, values)
            reply = await info.context.use_cases.feature_flags.change(viewer, change, key, info.context.address)
        except (InvalidInput, KeyReused) as error:
            return SetFeatureFlagPayload(user_errors=user_errors(error))
        flag = FeatureFlag.of(reply.stored) if reply.stored else None
        return SetFeatureFlagPayload(feature_flag=flag, user_errors=_reply_errors(reply, change))


def _targets(ids: list[strawberry.ID] | None) -> list[str] | None:
    """As the services name them; raises InvalidInput."""
    if ids is None:
        return None
    found = [from_global_id(one) for one in ids]
    wrong = [place for place, one in enumerate(found) if one is None or one[0] not in _TARGETS]
    if wrong:
        told = "should be the id of a user, an API key, a log entry, a ticket or a changelog"
        raise InvalidInput([(["allowList", str(place)], told) for place in wrong])
    return [f"{_TARGETS[one[0]]}:{one[1]}" for one in found if one is not None]


def _shown(target: str) -> strawberry.ID:
    kind, _, identity = target.partition(":")
    return to_global_id(_TYPES[kind], UUID(identity))


def _reply_errors(reply: FlagReply, change: FlagChange) -> list[UserError]:
    match reply.outcome:
        case "NOT_FOUND":
            told = f"there is no feature flag {change.key}; expectedVersion 0 makes one"
            return [user_error(UserErrorCode.NOT_FOUND, told, ["key"])]
        case "VERSION_CONFLICT" if reply.stored is not None:
            return [version_conflict("feature flag", reply.stored.flag.version, change.expected_version)]
        case "NO_VALUE":
            told = f"{change.key} is a BOOLEAN: it is on or off and has no value; leave it out, or make another flag"
            return [user_error(UserErrorCode.INVALID_INPUT, told, ["value"])]
    return []
