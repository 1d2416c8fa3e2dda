"""What language models were asked: told by three services, read by administrators, on record, and not for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from aiops_common.messaging.message import Delivery
from aiops_common.postgres import Pool
from aiops_common.retention import Retention
from aiops_contracts import changelog, summarizer, triage
from aiops_contracts.base import Event, LlmRun
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.domain.paging import PageRequest, Position
from aiops_gateway.projections import Projector
from aiops_gateway.repository.journal import where_of
from aiops_gateway.repository.llm_runs import JOURNAL, Condition, Listed, Texts
from aiops_gateway.service.llm_runs import LlmRuns
from integration.gateway.conftest import minute

ADMIN = Viewer(uuid4(), Role.ADMIN)
ADDRESS = "192.0.2.7"


def run(number: int = 0, **others: Any) -> LlmRun:
    """A run; a later number is later."""
    told: dict[str, Any] = {
        "id": uuid4(), "operation": "triage", "step": "decide", "template": "triage/v1", "model": "small",
        "outcome": "answered", "input": f"asked {number}", "output": f"said {number}", "input_tokens": 5,
        "output_tokens": 2, "duration_ms": 30, "subject": uuid4(), "at": minute(number),
    }  # fmt: skip
    return LlmRun(**{**told, **others})


async def tell(pool: Pool, *events: Event) -> None:
    deliveries = [Delivery(uuid4(), event, "service:triage", 1, datetime.now(UTC)) for event in events]
    projector = Projector(pool)
    await asyncio.gather(*(projector.apply(one) for one in deliveries))


async def listed(pool: Pool, first: int = 100, after: str | None = None, **condition: Any) -> tuple[list[Listed], bool]:
    request = PageRequest.of(first, after, None, None)
    return await LlmRuns(pool).page(ADMIN, request, Condition(**condition), ADDRESS)


async def ids(pool: Pool, **condition: Any) -> list[UUID]:
    found = [one.id for one in (await listed(pool, **condition))[0]]
    assert await LlmRuns(pool).count(Condition(**condition)) == len(found)
    return found


async def test_runs_of_all_services_are_told_with_what_they_were_about(pool: Pool) -> None:
    one, two, three = run(1, operation="summarize"), run(2), run(3, operation="changelog", output=None, model=None)
    await tell(
        pool,
        summarizer.LlmRunsRecorded(runs=(one,)),
        triage.LlmRunsRecorded(runs=(two,)),
        changelog.LlmRunsRecorded(runs=(three,)),
        triage.LlmRunsRecorded(runs=()),
    )
    found, more = await listed(pool)
    assert [(row.id, row.subject_kind, row.subject) for row in found] == [
        (three.id, "changelog", three.subject),
        (two.id, "ticket", two.subject),
        (one.id, "logEntry", one.subject),
    ]
    assert more is False
    same = ("operation", "step", "template", "model", "outcome", "input_tokens", "output_tokens", "duration_ms", "at")
    assert {name: getattr(found[1], name) for name in same} == {name: getattr(two, name) for name in same}
    texts = await LlmRuns(pool).texts([two.id, three.id, uuid4()])
    assert texts == {two.id: Texts("asked 2", "said 2"), three.id: Texts("asked 3", None)}


async def test_an_event_that_comes_again_adds_nothing(pool: Pool) -> None:
    told = triage.LlmRunsRecorded(runs=tuple(run(number) for number in range(250)))
    await tell(pool, told, told)
    again = tuple(one.model_copy(update={"outcome": "other"}) for one in told.runs)
    await tell(pool, triage.LlmRunsRecorded(runs=again), triage.LlmRunsRecorded(runs=(*again, run(999))))
    assert await LlmRuns(pool).count(Condition()) == 251
    assert await LlmRuns(pool).count(Condition(outcome="other")) == 0


@pytest.mark.parametrize("size", [1, 3, 10])
async def test_pages_cover_the_list_while_runs_are_added_in_front(pool: Pool, size: int) -> None:
    runs = [run(number // 2) for number in range(10)]
    await tell(pool, triage.LlmRunsRecorded(runs=tuple(runs)))
    seen, after = list[UUID](), None
    while True:
        found, more = await listed(pool, size, after)
        seen += [row.id for row in found]
        await tell(pool, triage.LlmRunsRecorded(runs=(run(100 + len(seen)),)))
        if not more:
            break
        after = Position(found[-1].at, found[-1].id).cursor()
    assert seen == [one.id for one in sorted(runs, key=lambda one: (one.at, one.id), reverse=True)]


async def test_by_each_condition(pool: Pool) -> None:
    wanted = run(5, operation="changelog", template="notes/v2", model="large", outcome="invalid_answer")
    others = [run(1), run(9, model=None)]
    await tell(pool, triage.LlmRunsRecorded(runs=(wanted, *others)))
    for condition in (
        {"operation": "changelog"},
        {"template": "notes/v2"},
        {"model": "large"},
        {"outcome": "invalid_answer"},
        {"subject": wanted.subject},
        {"created_after": minute(1), "created_before": minute(9)},
        {"operation": "changelog", "model": "large"},
    ):
        assert await ids(pool, **condition) == [wanted.id], condition
    assert await ids(pool, operation="changelog", model="small") == []


async def test_reading_is_on_record_without_what_the_reader_wrote(pool: Pool) -> None:
    one = run(model="jane.doe@example.org")
    await tell(pool, triage.LlmRunsRecorded(runs=(one,)))
    await listed(pool, 10, model="jane.doe@example.org", subject=one.subject, created_after=minute(-1))
    assert await LlmRuns(pool).get(ADMIN, one.id, ADDRESS) is not None
    assert await LlmRuns(pool).get(ADMIN, uuid4(), ADDRESS) is None
    async with pool.connection() as connection:
        found = await connection.fetch(
            "SELECT action, outcome, principal, address, subject, details FROM audit_log ORDER BY at"
        )
    assert {tuple(row)[:4] for row in found} == {("llmRuns", "READ", ADMIN.principal, ADDRESS)}
    page, single = found
    assert (page["subject"], single["subject"]) == (None, one.id)
    told = {"rows": 1, "first": 10, "of_subject": str(one.subject), "filtered_by": ["model"]}
    assert orjson.loads(page["details"]) == {**told, "created_after": minute(-1).isoformat()}
    assert orjson.loads(single["details"]) == {"rows": 1}


async def test_what_cannot_be_recorded_is_not_read(pool: Pool) -> None:
    await tell(pool, triage.LlmRunsRecorded(runs=(run(),)))
    async with pool.connection() as connection:
        await connection.execute("ALTER TABLE audit_log ADD CONSTRAINT shut CHECK (action <> 'llmRuns') NOT VALID")
    try:
        with pytest.raises(Exception, match="shut"):
            await listed(pool)
    finally:
        async with pool.connection() as connection:
            await connection.execute("ALTER TABLE audit_log DROP CONSTRAINT shut")


async def test_old_runs_are_deleted_in_small_steps(pool: Pool) -> None:
    now = datetime.now(UTC)
    old = tuple(run(at=now - timedelta(days=31, seconds=number)) for number in range(2_500))
    young = tuple(run(at=now - timedelta(days=29)) for _ in range(3))
    await tell(pool, triage.LlmRunsRecorded(runs=old + young))

    steps = list[int]()

    async def delete_old(connection: Any) -> int:
        steps.append(await JOURNAL.delete_old(connection, older_than_days=30))
        return steps[-1]

    assert await Retention(pool, "llm_runs", delete_old).sweep() == 2_500
    assert steps == [1_000, 1_000, 500, 0]
    assert set(await ids(pool)) == {one.id for one in young}


async def test_lists_read_no_texts_and_use_an_index_whatever_is_asked_for(pool: Pool) -> None:
    await tell(pool, triage.LlmRunsRecorded(runs=tuple(run(number) for number in range(200))))
    request = PageRequest.of(20, None, None, None)
    async with pool.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        for condition, index in (
            (Condition(), "newest"),
            (Condition(operation="x"), "operation"),
            (Condition(template="x"), "template"),
            (Condition(model="x"), "model"),
            (Condition(outcome="x"), "outcome"),
            (Condition(subject=uuid4()), "subject"),
        ):
            where, arguments = where_of(condition.terms())
            plan = "\n".join(
                row[0]
                for row in await connection.fetch(
                    f"EXPLAIN SELECT id FROM llm_runs WHERE {where} ORDER BY at DESC, id DESC LIMIT 21",
                    *arguments,
                )
            )
            assert "Sort" not in plan, plan
            assert f"using llm_runs_{index} on" in plan, plan
        rows, _ = await JOURNAL.page(connection, request, Condition().terms())
    assert not hasattr(rows[0], "input")
