"""Reading a line costs time in proportion to its length, whatever stands in it."""

from datetime import UTC, datetime

import pytest

from aiops_summarizer.engine.formats import FORMATS
from aiops_summarizer.engine.timestamps import Clock
from support.growth import assert_linear

_SMALL = 5_000
# Linear is 4, quadratic is 16.
_MOST_FOR_FOUR_TIMES = 8.0
_NOISE = 0.01
_HOSTILE = {
    "one word": "a",
    "keys": "a.",
    "pairs": "a=b ",
    "pairs without end": 'a="',
    "escapes": 'a="\\',
    "brackets": "[a",
    "priorities": "<11>1 a ",
    "blanks": " ",
    "objects": '{"a":',
}


def _read(line: str) -> None:
    for form in FORMATS:
        form(Clock(datetime(2024, 6, 1, tzinfo=UTC)))(line)


@pytest.mark.parametrize("unit", _HOSTILE.values(), ids=_HOSTILE)
def test_work_grows_with_length_only(unit: str) -> None:
    small, large = (unit * _SMALL)[:_SMALL], (unit * _SMALL * 4)[: 4 * _SMALL]
    assert_linear(_read, small, large, most=_MOST_FOR_FOUR_TIMES, noise_seconds=_NOISE)
