"""llmRuns through the schema: for ADMIN alone, texts only where they are asked for, and what cannot be asked for."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.paging import PageRequest
from aiops_gateway.graphql.ids import to_global_id
from aiops_gateway.repository.llm_runs import Condition, Listed, Texts
from unit.gateway.fake_api import START, Api

KINDS = {"logEntry": "LogEntry", "ticket": "Ticket", "changelog": "Changelog"}


def listed(number: int, kind: str = "ticket") -> Listed:
    return Listed(
        id=UUID(int=number), at=START + timedelta(minutes=number), operation="triage", step="decide",
        template="triage/v1", model=None, outcome="answered", input_tokens=5, output_tokens=None, duration_ms=30,
        subject_kind=kind, subject=UUID(int=number + 100), trace_id="ab" * 16,
    )  # fmt: skip


class Runs:
    """A few runs; ``asked`` says which pages, ``read`` whose texts."""

    def __init__(self, *rows: Listed) -> None:
        self.rows = rows
        self.asked: list[tuple[PageRequest, Condition]] = []
        self.read: list[list[UUID]] = []

    async def page(
        self, _viewer: Viewer, request: PageRequest, condition: Condition, _address: object
    ) -> tuple[list[Listed], bool]:
        self.asked.append((request, condition))
        return list(self.rows), True

    async def get(self, _viewer: Viewer, identity: UUID, _address: object) -> Listed | None:
        return next((row for row in self.rows if row.id == identity), None)

    async def texts(self, ids: Sequence[UUID]) -> dict[UUID, Texts]:
        self.read.append(list(ids))
        return {identity: Texts(f"asked {identity.int}", None) for identity in ids if identity.int != 3}

    async def count(self, _condition: Condition) -> int:
        return 42


def api(runs: Runs, role: Role = Role.ADMIN) -> Api:
    return Api(Viewer(UUID(int=9), role), llm_runs=runs)


async def test_a_run_says_what_it_was_about() -> None:
    runs = Runs(*(listed(number, kind) for number, kind in enumerate(KINDS)))
    told = await api(runs).data(
        "{ llmRuns { totalCount pageInfo { hasNextPage } nodes { id operation step template model outcome inputTokens "
        "outputTokens durationMs subject traceId createdAt } } }"
    )
    assert (told["totalCount"], told["pageInfo"]["hasNextPage"]) == (42, True)
    assert [node["subject"] for node in told["nodes"]] == [
        to_global_id(name, UUID(int=number + 100)) for number, name in enumerate(KINDS.values())
    ]
    assert told["nodes"][1] == {
        "id": to_global_id("LlmRun", UUID(int=1)), "operation": "triage", "step": "decide", "template": "triage/v1",
        "model": None, "outcome": "answered", "inputTokens": 5, "outputTokens": None, "durationMs": 30,
        "subject": to_global_id("Ticket", UUID(int=101)), "traceId": "ab" * 16,
        "createdAt": (START + timedelta(minutes=1)).isoformat(),
    }  # fmt: skip
    assert runs.read == []


async def test_texts_are_read_together_and_once() -> None:
    runs = Runs(*(listed(number) for number in range(1, 4)))
    told = await api(runs).data("{ llmRuns { nodes { input output } edges { node { input } } } }")
    assert [node["input"] for node in told["nodes"]] == ["asked 1", "asked 2", None]
    assert {node["output"] for node in told["nodes"]} == {None}
    assert runs.read == [[UUID(int=number) for number in (1, 2, 3)]]


async def test_what_is_asked_for_is_handed_on() -> None:
    runs = Runs()
    asked = {
        "operation": "triage", "template": "t/v1", "model": "m", "outcome": "late",
        "subject": to_global_id("Changelog", UUID(int=5)), "createdAfter": START.isoformat(),
        "createdBefore": (START + timedelta(days=1)).isoformat(),
    }  # fmt: skip
    await api(runs).data("query($f: LlmRunFilter) { llmRuns(first: 7, filter: $f) { totalCount } }", f=asked)
    ((request, condition),) = runs.asked
    assert request.size == 7
    day = START + timedelta(days=1)
    assert condition == Condition("triage", "t/v1", "m", "late", UUID(int=5), START, day)


@pytest.mark.parametrize(
    "arguments",
    [
        'filter: {subject: "nonsense"}',
        f'filter: {{subject: "{to_global_id("User", UUID(int=1))}"}}',
        r'filter: {model: "\u0000"}',
        'filter: {createdAfter: "0001-01-01T00:00:00+14:00"}',
        'filter: {createdBefore: "2026-01-01T00:00:00"}',
        "first: 101",
        "first: 0",
        'after: "x"',
    ],
)
async def test_what_cannot_be_asked_for_is_bad_input(arguments: str) -> None:
    runs = Runs()
    assert await api(runs).code(f"{{ llmRuns({arguments}) {{ totalCount }} }}") == "BAD_USER_INPUT"
    assert runs.asked == []


async def test_a_run_is_found_by_its_id_for_administrators_alone() -> None:
    document = "query($id: ID!) { node(id: $id) { id ... on LlmRun { input } } }"
    one = to_global_id("LlmRun", UUID(int=1))
    found = await api(Runs(listed(1))).data(document, id=one)
    assert found == {"id": one, "input": "asked 1"}
    for role in (Role.OPS, Role.HR, Role.VIEWER):
        assert await api(Runs(listed(1)), role).data(document, id=one) is None


async def test_long_texts_do_not_make_an_answer_without_end() -> None:
    class Long(Runs):
        async def texts(self, ids: Sequence[UUID]) -> dict[UUID, Texts]:
            return {identity: Texts("x" * 400_000, None) for identity in ids}

    runs = Long(*(listed(number) for number in range(100)))
    assert await api(runs).code("{ llmRuns(first: 100) { nodes { input } } }") == "LIMIT_EXCEEDED"
    assert await api(runs).code("{ llmRuns(first: 100) { nodes { id } } }") == ""
