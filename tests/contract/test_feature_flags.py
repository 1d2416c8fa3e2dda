"""What a feature flag may be."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from aiops_contracts.base import FeatureFlag

FLAG: dict[str, Any] = {
    "key": "triage.llm", "version": 1, "enabled": True, "updated_at": datetime(2026, 1, 1, tzinfo=UTC)
}  # fmt: skip


def test_a_flag_is_a_switch_that_is_on_for_everything_unless_it_says_otherwise() -> None:
    flag = FeatureFlag(**FLAG)
    assert (flag.kind, flag.value, flag.percentage, flag.roles, flag.allow) == ("BOOLEAN", None, 100, (), ())


@pytest.mark.parametrize(
    "change",
    [
        {"key": "llm"},
        {"key": "Triage.llm"},
        {"key": "triage..llm"},
        {"key": "a." + "b" * 100},
        {"version": 0},
        {"percentage": -1},
        {"percentage": 101},
        {"kind": "STRING"},
        {"value": "triage/v2"},
        {"kind": "STRING", "value": ""},
        {"kind": "STRING", "value": "a\0b"},
        {"roles": ["admin; drop"]},
        {"roles": ["OPS"] * 21},
        {"allow": ["ada@example.com"]},
        {"allow": ["user:1"] * 1001},
    ],
)
def test_what_no_flag_can_be_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FeatureFlag.model_validate({**FLAG, **change})
