"""Flags that a test sets by hand."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiops_contracts.base import FeatureFlag, FlagKind


class FixedFlags:
    """A source of flags without a database; see ``aiops_common.flags.client.Source``."""

    def __init__(self, *flags: FeatureFlag) -> None:
        self._flags = {flag.key: flag for flag in flags}

    @property
    def current(self) -> Mapping[str, FeatureFlag]:
        """All flags by their keys."""
        return self._flags

    async def ready(self) -> None:
        """They always are."""

    def set(self, flag: FeatureFlag) -> None:
        """Add or replace a flag."""
        self._flags[flag.key] = flag


def flag(key: str, **changes: Any) -> FeatureFlag:
    """A BOOLEAN that is on for everything, with ``changes``; a ``value`` makes it a STRING."""
    kind = FlagKind.STRING if "value" in changes else FlagKind.BOOLEAN
    known = {"key": key, "version": 1, "enabled": True, "kind": kind, "updated_at": datetime(2025, 1, 1, tzinfo=UTC)}
    return FeatureFlag.model_validate({**known, **changes})
