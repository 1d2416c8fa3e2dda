"""What a recogniser finds."""

from typing import NamedTuple

from aiops_common.redaction.redacted import Kind


class Span(NamedTuple):
    """``text[start:end]`` is of ``kind``. Sorts by position, so the leftmost of overlapping spans comes first."""

    start: int
    end: int
    kind: Kind
