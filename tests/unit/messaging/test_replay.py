"""Pages of a replay: bounded in rows and bytes, never empty before the end, nothing left out."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from aiops_common.messaging.replay import PAGE_BYTES, Page, cut_page


class Thing(BaseModel):
    id: int
    text: str


@dataclass
class Stored:
    """Things in the order of their ids; counts how many were read."""

    sizes: list[int]
    read: int = 0

    async def after(self, key: int | None) -> AsyncGenerator[int]:
        for number in range(0 if key is None else key + 1, len(self.sizes)):
            self.read += 1
            yield number

    async def page(self, key: int | None, limit: int) -> Page[Thing, int]:
        return await cut_page(
            self.after(key), lambda number: Thing(id=number, text="x" * self.sizes[number]), lambda one: one.id,
            limit=limit,
        )  # fmt: skip


@settings(max_examples=50)
@given(st.lists(st.sampled_from([0, 1, 400_000, PAGE_BYTES, 2 * PAGE_BYTES]), max_size=8), st.integers(1, 5))
async def test_the_pages_together_are_everything_once(sizes: list[int], limit: int) -> None:
    stored, seen, key = Stored(sizes), [], None
    for _ in range(len(sizes) + 1):
        page = await stored.page(key, limit)
        assert len(page.snapshots) <= limit
        text = sum(len(one.text) for one in page.snapshots)
        assert text <= PAGE_BYTES or len(page.snapshots) == 1
        seen += [one.id for one in page.snapshots]
        key = page.next_after
        if key is None:
            break
        assert page.snapshots
    assert seen == list(range(len(sizes)))


@pytest.mark.parametrize(("sizes", "read"), [([1] * 10, 4), ([8 * PAGE_BYTES] * 10, 2)])
async def test_no_more_is_read_than_tells_that_something_follows(sizes: list[int], read: int) -> None:
    stored = Stored(sizes)
    page = await stored.page(None, 3)
    assert page.next_after == len(page.snapshots) - 1
    assert stored.read == read


async def test_nothing_is_one_empty_page() -> None:
    assert await Stored([]).page(None, 3) == Page((), None)


async def test_a_page_that_ends_with_the_last_row_is_the_last() -> None:
    assert (await Stored([1, 1]).page(None, 2)).next_after is None
