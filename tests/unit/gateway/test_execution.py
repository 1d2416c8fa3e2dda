"""What a subscription keeps of the events that it has answered: nothing."""

import gc
import tracemalloc
from collections.abc import AsyncIterator

import strawberry
from strawberry.types import ExecutionResult

from aiops_gateway.graphql.execution import Execution

EVENTS = 2000
MOST_KEPT = 200
"""Bytes for each event; the library keeps more than 1,000."""


@strawberry.type
class Thing:
    number: int
    title: str


@strawberry.type
class Query:
    number: int = 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def thing(self) -> AsyncIterator[Thing]:
        for number in range(2 * EVENTS + 1):
            yield Thing(number=number, title="t")


async def test_an_event_leaves_nothing_behind() -> None:
    schema = strawberry.Schema(query=Query, subscription=Subscription, execution_context_class=Execution)
    answers = await schema.stream("subscription { thing { number title } }")
    kept = []
    tracemalloc.start()
    try:
        for part in range(2):
            for number in range(EVENTS):
                answer = await anext(answers)
                assert isinstance(answer, ExecutionResult)
                assert answer.data == {"thing": {"number": part * EVENTS + number, "title": "t"}}
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
        await answers.aclose()
    assert (kept[1] - kept[0]) / EVENTS < MOST_KEPT
