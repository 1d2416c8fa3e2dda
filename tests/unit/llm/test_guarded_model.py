"""What feature flags say about asking a model."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from aiops_common.flags import Flags
from aiops_common.llm import Kind, LLMSettings, Operation, Step, StepKind
from aiops_common.llm.guarded import GuardedModel
from aiops_common.llm.metrics import reason_label
from aiops_common.llm.openai_client import OpenAIModel
from aiops_common.llm.port import ModelUnavailable, Prompt
from aiops_common.messaging.message import Delivery
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.testing.flags import FixedFlags, flag
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_common.testing.llm_script import Delay, Script, Status
from aiops_common.testing.llm_server import ScriptedLLM
from aiops_contracts.base import FeatureFlag
from support.notes import TEMPLATE, Note

CANARY = "shop.template.note"
PROMPT = Prompt("note", "note/v1", system="Note it.", user="Something.")


def delivery(number: int = 1) -> Delivery[Any]:
    return Delivery(UUID(int=number), None, "user:x", 1, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def operation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operation]:
    """Something with a template in two versions, and one for another step."""
    root = tmp_path_factory.mktemp("templates")
    for name, text in {"note/v1": TEMPLATE, "note/v2": TEMPLATE, "other/v1": TEMPLATE.replace("Note", "Other")}.items():
        file: Path = root / "canary_prompts" / f"{name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "canary_prompts" / "__init__.py").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        yield Operation(
            name="noting",
            package="canary_prompts",
            steps={"note": StepKind(Note, {"text": Kind.TEXT}, is_required=True)},
            default=(Step(step="note", template="note/v1", model="small", max_input_tokens=4_000),),
        )


def guarded(operation: Operation, *flags: FeatureFlag) -> GuardedModel:
    return GuardedModel(FakeLanguageModel(), operation.chain(), operation, Flags(FixedFlags(*flags)), owner="shop")


async def test_without_flags_everything_is_as_configured(operation: Operation) -> None:
    model = FakeLanguageModel()
    asking = await GuardedModel(model, operation.chain(), operation, None, owner="shop").asking(delivery())
    assert (asking.model, asking.chain) == (model, operation.chain())


@pytest.mark.parametrize("flags", [(), (flag("shop.llm"),), (flag("stock.llm", enabled=False),)])
async def test_the_model_is_asked_unless_the_switch_is_thrown(
    operation: Operation, flags: tuple[FeatureFlag, ...]
) -> None:
    asking = await guarded(operation, *flags).asking(delivery())
    assert asking.model is not None
    assert asking.chain == operation.chain()


async def test_a_thrown_switch_leaves_the_work_to_the_engine(operation: Operation) -> None:
    asking = await guarded(operation, flag("shop.llm", enabled=False)).asking(delivery())
    assert (asking.model, asking.chain) == (None, operation.chain())


async def test_work_in_hand_asks_nothing_more_once_the_switch_is_thrown(operation: Operation) -> None:
    model, source = FakeLanguageModel(), FixedFlags(flag("shop.llm"))
    asking = await GuardedModel(model, operation.chain(), operation, Flags(source), owner="shop").asking(delivery())
    assert asking.model is not None
    await asking.model.complete(PROMPT, Note)
    await asking.model.complete(PROMPT, Note)
    source.set(flag("shop.llm", version=2, enabled=False))
    with pytest.raises(ModelUnavailable, match="switched off") as told:
        await asking.model.complete(PROMPT, Note)
    assert (len(model.prompts), told.value.passing, reason_label(told.value.reason)) == (2, False, "switched off")
    source.set(flag("shop.llm", version=3))
    await asking.model.complete(PROMPT, Note)
    assert asking.model.room() == model.room()


async def test_work_that_waits_for_its_turn_asks_nothing_once_the_switch_is_thrown(operation: Operation) -> None:
    source = FixedFlags(flag("shop.llm"))
    async with ScriptedLLM(Script(steps=(Delay(seconds=60), Status(status=500)))) as llm:
        settings = {"openai_base_url": llm.base_url, "llm_model": "m", "llm_max_concurrency": 1}
        model = OpenAIModel(LLMSettings.model_validate(settings | {"llm_breaker_failures": 1}))
        guard = GuardedModel(model, operation.chain(), operation, Flags(source), owner="shop")
        first, second = [await guard.asking(delivery(number)) for number in range(2)]
        assert first.model is not None
        assert second.model is not None
        taken = asyncio.create_task(first.model.complete(PROMPT, Note))
        await llm.asked(1)
        waiting = asyncio.create_task(second.model.complete(PROMPT, Note))
        await asyncio.sleep(0)  # it is in line now
        source.set(flag("shop.llm", version=2, enabled=False))
        taken.cancel()
        with pytest.raises(ModelUnavailable, match="switched off"):
            await waiting
        assert (llm.count, model.breaker.state) == (1, "closed")


async def test_a_switch_for_half_of_the_work_means_the_same_half_each_time(operation: Operation) -> None:
    model = guarded(operation, flag("shop.llm", percentage=50))
    once = [(await model.asking(delivery(number))).model is None for number in range(200)]
    assert once == [(await model.asking(delivery(number))).model is None for number in range(200)]
    assert 70 < sum(once) < 130


class _NeverLookedUp(FixedFlags):
    async def ready(self) -> None:
        raise DatabaseUnavailable("away")


async def test_nothing_is_asked_before_the_switch_was_looked_up(operation: Operation) -> None:
    flags = Flags(_NeverLookedUp())
    chain = operation.chain()
    with pytest.raises(DatabaseUnavailable):
        await GuardedModel(FakeLanguageModel(), chain, operation, flags, owner="shop").asking(delivery())
    # Work that needs no model does not wait for flags.
    assert (await GuardedModel(None, chain, operation, flags, owner="shop").asking(delivery())).model is None
    guarded = GuardedModel(FakeLanguageModel(), chain, operation, flags, owner="shop")
    assert (await guarded.asking(delivery(), is_wanted=False)).model is None


async def test_a_canary_is_asked_with_another_template_and_the_same_model_and_budget(operation: Operation) -> None:
    model = guarded(operation, flag(CANARY, value="note/v2", percentage=25))
    links = [(await model.asking(delivery(number))).chain.required("note") for number in range(400)]
    versions = [link.template.version for link in links]
    assert set(versions) == {"note/v1", "note/v2"}
    assert 60 < versions.count("note/v2") < 140
    assert {(link.model, link.max_input_tokens) for link in links} == {("small", 4_000)}


@pytest.mark.parametrize("value", ["note/v99", "../../etc/passwd", "other/v1"])
async def test_a_template_that_cannot_be_asked_with_leaves_the_configured_one_and_is_told_once(
    operation: Operation, value: str
) -> None:
    model = guarded(operation, flag(CANARY, value=value))
    with capture_logs() as lines:
        links = [(await model.asking(delivery(number))).chain.required("note") for number in range(3)]
    assert [link.template.version for link in links] == ["note/v1"] * 3
    assert [line["event"] for line in lines] == ["llm.template_unusable"]
