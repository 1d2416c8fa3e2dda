"""The texts of a page of log entries are read together."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from aiops_gateway.graphql.context import Context
from unit.gateway.schema import use_cases


class Reader:
    """Knows one text and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[list[UUID]] = []

    async def contents(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        self.asked.append(list(ids))
        return {UUID(int=1): "a log"}


def context(reader: Reader) -> Context:
    return Context(use_cases(reader=reader), authorization=None)


async def test_one_query_serves_all_entries_of_an_answer() -> None:
    reader = Reader()
    contents = context(reader).contents
    found = await asyncio.gather(*(contents.load(UUID(int=number)) for number in range(1, 21)))
    assert found == ["a log", *[None] * 19]
    assert reader.asked == [[UUID(int=number) for number in range(1, 21)]]


async def test_a_later_answer_reads_again() -> None:
    reader = Reader()
    contents = context(reader).contents
    assert await contents.load(UUID(int=1)) == await contents.load(UUID(int=1)) == "a log"
    assert len(reader.asked) == 2
