"""Which name of a field counts, as two feature flags say: examples/renamed_field."""

from itertools import product
from typing import Any

import pytest
from typer.testing import CliRunner

from aiops_common.flags import Flags
from aiops_common.postgres import DatabaseUnavailable
from aiops_common.testing.flags import FixedFlags, flag
from examples.renamed_field.__main__ import app
from examples.renamed_field.release_2.steps import READ, WRITE, Step, step

STATES: list[dict[str, Any] | None] = [None, {"enabled": False}, {}, {"percentage": 30}, {"percentage": 70}]
"""What one flag may be; None: nobody has made it."""


def known(write: dict[str, Any] | None, read: dict[str, Any] | None) -> Flags:
    made = {WRITE: write, READ: read}
    return Flags(FixedFlags(*(flag(key, **values) for key, values in made.items() if values is not None)))


async def test_each_flag_is_one_step() -> None:
    assert await step(known(None, None), 1) is Step.OLD
    assert await step(known({}, None), 1) is Step.BOTH
    assert await step(known({}, {}), 1) is Step.NEW


@pytest.mark.parametrize(("write", "read"), list(product(STATES, STATES)))
async def test_whatever_one_flag_becomes_no_line_is_ever_two_steps_away(write: Any, read: Any) -> None:
    for identity in range(20):
        before = list(Step).index(await step(known(write, read), identity))
        for other in STATES:
            for after in (known(other, read), known(write, other)):
                assert abs(list(Step).index(await step(after, identity)) - before) <= 1


async def test_nobody_reads_the_new_name_on_the_word_of_one_flag() -> None:
    assert await step(known(None, {}), 1) is Step.BOTH
    assert await step(known({"enabled": False}, {}), 1) is Step.BOTH


@pytest.mark.parametrize("more", [{"roles": ("ADMIN",)}, {"allow": ("user:1",)}])
async def test_a_line_has_no_role_and_is_nobody(more: dict[str, Any]) -> None:
    assert await step(known({"percentage": 0, **more}, None), 1) is Step.OLD


async def test_a_flag_of_another_kind_is_off() -> None:
    assert await step(known({"value": "both"}, None), 1) is Step.OLD


class _NeverLookedUp(FixedFlags):
    async def ready(self) -> None:
        raise DatabaseUnavailable("away")


async def test_before_the_flags_were_looked_up_nobody_guesses() -> None:
    with pytest.raises(DatabaseUnavailable):
        await step(Flags(_NeverLookedUp()), 1)


@pytest.mark.parametrize(("option", "value"), [("--rows", "0"), ("--share", "0"), ("--share", "1.5")])
def test_a_backfill_that_could_not_advance_is_refused(option: str, value: str) -> None:
    refused = CliRunner().invoke(app, ["backfill", option, value])
    assert refused.exit_code == 2
    assert f"Invalid value for '{option}': {float(value):g}" in refused.output.replace(".0 ", " ")
