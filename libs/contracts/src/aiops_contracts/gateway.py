"""Messages owned by the gateway."""

from typing import Annotated, ClassVar

from pydantic import Field

from aiops_contracts.base import MAX_FLAG_KEY_LENGTH, Event, FeatureFlag, Model, ReplayLimit, Request


class FeatureFlagChanged(Event):
    """A feature flag was made or changed; whoever knows a later one, by ``updated_at``, ignores this one."""

    message_type: ClassVar[str] = "gateway.feature_flag_changed.v1"
    flag: FeatureFlag


class ReplayFeatureFlags(Request):
    """Ask for feature flags as they are, in the order of their keys; ``after`` is the last page's ``next_after``."""

    message_type: ClassVar[str] = "gateway.replay_feature_flags.v1"
    after: Annotated[str, Field(max_length=MAX_FLAG_KEY_LENGTH)] | None = None
    limit: ReplayLimit


class ReplayedFeatureFlags(Model):
    """Answer to ReplayFeatureFlags: a page; ``next_after`` is None on the last one."""

    snapshots: tuple[FeatureFlag, ...]
    next_after: str | None = None
