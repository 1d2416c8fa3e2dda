"""Flags as the code asks them, through OpenFeature: values, and what a trace and the metrics say."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from aiops_common.flags import Context, Flags
from aiops_common.flags.telling import EVENT
from aiops_common.messaging.message import Delivery
from aiops_common.testing.flags import FixedFlags, flag
from unit.common.recorded_spans import Recorded

ADA = "user:00000000-0000-0000-0000-0000000000ad"


def delivery(number: int = 1, principal: str = ADA, role: str | None = "OPS") -> Delivery[Any]:
    return Delivery(UUID(int=number), None, principal, 1, datetime(2026, 1, 1, tzinfo=UTC), role=role)


def count(key: str, variant: str) -> float:
    return REGISTRY.get_sample_value("aiops_flag_evaluations_total", {"flag": key, "variant": variant}) or 0.0


@pytest.mark.parametrize("default", [True, False])
async def test_a_flag_that_nobody_made_leaves_the_default(default: bool) -> None:
    flags = Flags(FixedFlags())
    assert await flags.is_on("shop.unmade", delivery(), default=default) is default
    assert await flags.text("shop.unmade", delivery(), default="as set") == "as set"
    assert count("shop.unmade", "default") == 0


async def test_a_switch_says_yes_and_no() -> None:
    source = FixedFlags(flag("shop.llm"))
    flags = Flags(source)
    assert await flags.is_on("shop.llm", delivery(), default=False)
    source.set(flag("shop.llm", version=2, enabled=False))
    assert not await flags.is_on("shop.llm", delivery(), default=True)


async def test_a_text_is_said_where_the_flag_is_on() -> None:
    flags = Flags(FixedFlags(flag("shop.template", value="offer/v2", percentage=0, roles=("OPS",))))
    assert await flags.text("shop.template", delivery(), default="offer/v1") == "offer/v2"
    assert await flags.text("shop.template", delivery(role="HR"), default="offer/v1") == "offer/v1"
    assert await flags.text("shop.template", delivery(role=None), default="offer/v1") == "offer/v1"


async def test_it_can_be_asked_about_something_else_than_a_message() -> None:
    recorded, flags = (
        Recorded(),
        Flags(FixedFlags(flag("shop.half", percentage=50), flag("shop.named", percentage=0, roles=("OPS",)))),
    )
    half = [await flags.is_on("shop.half", Context(str(number)), default=False) for number in range(100)]
    assert 30 < sum(half) < 70
    assert await flags.is_on("shop.named", Context(role="OPS"), default=False)
    with recorded.tracer.start_as_current_span("work"):
        assert await flags.is_on("shop.half", Context(), default=True)  # of nothing, there is no half
    (event,) = recorded.only.events or []
    assert event.attributes["error.type"] == "targeting_key_missing"


async def test_a_flag_of_another_kind_leaves_the_default_and_says_so() -> None:
    recorded, flags = Recorded(), Flags(FixedFlags(flag("shop.text", value="x"), flag("shop.switch")))
    with recorded.tracer.start_as_current_span("work"):
        assert not await flags.is_on("shop.text", delivery(), default=False)
        assert await flags.text("shop.switch", delivery(), default="y") == "y"
    events = recorded.only.events or []
    assert [event.attributes["error.type"] for event in events] == ["type_mismatch"] * 2


async def test_two_sources_in_a_process_do_not_meet() -> None:
    one, other = Flags(FixedFlags(flag("shop.llm"))), Flags(FixedFlags(flag("shop.llm", enabled=False)))
    assert await one.is_on("shop.llm", delivery(), default=False)
    assert not await other.is_on("shop.llm", delivery(), default=True)


async def test_a_decision_is_noted_on_the_span_without_anybodys_name() -> None:
    recorded = Recorded()
    flags = Flags(FixedFlags(flag("shop.template", version=4, value="secret plan", percentage=0, allow=(ADA,))))
    before = count("shop.template", "on")
    with recorded.tracer.start_as_current_span("work"):
        await flags.text("shop.template", delivery(), default="")
        await flags.is_on("shop.unmade", delivery(), default=True)
    (event,) = recorded.only.events or []
    assert event.name == EVENT == "feature_flag.evaluation"
    assert event.attributes == {
        "feature_flag.key": "shop.template",
        "feature_flag.provider.name": "aiops",
        "feature_flag.result.variant": "on",
        "feature_flag.result.reason": "targeting_match",
        "feature_flag.version": "4",
    }
    assert count("shop.template", "on") == before + 1
