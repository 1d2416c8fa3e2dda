"""What is counted of operations: by field, type and outcome, and never by anything that a client wrote."""

import asyncio
import random
from types import SimpleNamespace
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.graphql.errors import CODES
from aiops_gateway.graphql.metrics import count_errors
from unit.gateway.fake_api import Api
from unit.gateway.schema import published

ADMIN = Viewer(UUID(int=1), Role.ADMIN)
TICKETS = "tickets { totalCount }"
TRIAGE = "mutation ($input: TriageTicketInput!) { hush: triageTicket(input: $input) { ticket { id } } }"
DEAR = " ".join(f"h{i}: tickets(first: 100) {{ edges {{ node {{ id title body state }} }} }}" for i in range(20))


class Unreachable:
    async def count(self, *_: object) -> int:
        raise DatabaseUnavailable("PostgreSQL is unavailable: hush")

    get = page = count


def operations() -> dict[tuple[str, str, str], float]:
    """(operation, type, outcome) → how many, where there were any."""
    return {
        (sample.labels["operation"], sample.labels["type"], sample.labels["outcome"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "aiops_graphql_operations_total" and sample.value
    }


def errors(code: str) -> float:
    return REGISTRY.get_sample_value("aiops_graphql_errors_total", {"code": code}) or 0.0


async def counted(api: Api, document: str, **variables: object) -> tuple[str, str, str]:
    """As what the only operation was counted."""
    before = operations()
    await api.execute(document, **variables)
    (new,) = [key for key, value in operations().items() if value != before.get(key, 0)]
    return new


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (f"query Hush {{ hush: {TICKETS} }}", ("tickets", "query", "ok")),
        (f"{{ a: {TICKETS} b: {TICKETS} }}", ("tickets", "query", "ok")),
        (f"{{ __typename {TICKETS} }}", ("tickets", "query", "ok")),
        (f"{{ ...F }} fragment F on Query {{ ... on Query {{ {TICKETS} }} ...G }} fragment G on Query {{ {TICKETS} }}",
         ("tickets", "query", "ok")),
        (f"{{ {TICKETS} logEntries {{ totalCount }} }}", ("several", "query", "ok")),
        ("{ hush: __typename }", ("__schema", "query", "ok")),
        ("{ hush }", ("invalid", "other", "user_error")),
        ("hush", ("invalid", "other", "user_error")),
        (f"{{ {' '.join(f'h{i}: {TICKETS}' for i in range(40))} }}", ("invalid", "other", "refused")),
        (f"{{ {DEAR} }}", ("tickets", "query", "refused")),
        ("{ tickets(first: 1000) { totalCount } }", ("tickets", "query", "user_error")),
    ],
)  # fmt: skip
async def test_an_operation_is_counted_by_its_root_field(document: str, expected: tuple[str, str, str]) -> None:
    assert await counted(Api(ADMIN), document) == expected


async def test_who_may_not_is_told_by_outcome_and_code() -> None:
    before = errors("FORBIDDEN"), errors("UNAUTHENTICATED")
    submit = 'mutation { summarizeLog(input: {source: "s", content: "c"}) { logEntry { id } } }'
    viewer = Viewer(UUID(int=1), Role.VIEWER)
    assert await counted(Api(viewer), submit) == ("summarizeLog", "mutation", "user_error")
    assert await counted(Api(None), f"{{ {TICKETS} }}") == ("tickets", "query", "user_error")
    assert (errors("FORBIDDEN"), errors("UNAUTHENTICATED")) == (before[0] + 1, before[1] + 1)


async def test_a_fault_of_ours_is_an_error() -> None:
    before = errors("UNAVAILABLE")
    assert await counted(Api(ADMIN, reader=Unreachable()), f"{{ {TICKETS} }}") == ("tickets", "query", "error")
    assert await counted(Api(ADMIN, reader=None), f"{{ {TICKETS} }}") == ("tickets", "query", "error")
    assert errors("UNAVAILABLE") == before + 1


async def test_a_client_that_went_away_made_no_mistake() -> None:
    reading = asyncio.Event()

    class Endless:
        async def count(self, *_: object) -> int:
            reading.set()
            await asyncio.Event().wait()
            return 0

        page = count

    before = operations().get(("tickets", "query", "cancelled"), 0)
    asked = asyncio.create_task(Api(ADMIN, reader=Endless()).execute(f"{{ {TICKETS} }}"))
    async with asyncio.timeout(30):
        await reading.wait()
        asked.cancel()
        await asyncio.wait({asked})
    assert operations()["tickets", "query", "cancelled"] == before + 1


async def test_mistakes_that_are_told_as_data_are_the_client_s_under_whatever_name() -> None:
    api = Api(ADMIN, submissions=SimpleNamespace(triage_ticket=None))
    assert await counted(api, TRIAGE, input={"title": "", "body": "b", "source": "mail"}) == (
        "triageTicket", "mutation", "user_error",
    )  # fmt: skip


def series() -> set[tuple[str, ...]]:
    return {
        (sample.name, *sorted(sample.labels.values()))
        for family in REGISTRY.collect()
        if family.name.startswith("aiops_graphql")
        for sample in family.samples
    }


async def test_thousands_of_hostile_words_make_no_new_label() -> None:
    api, chance = Api(ADMIN), random.Random(5)
    await api.execute("{ __typename }")
    before = series()
    for _ in range(150):
        name, *words = (f"x{chance.getrandbits(64):x}" for _ in range(20))
        aliases = " ".join(f"{word}: __typename" for word in words)
        document = chance.choice([
            f"query {name} {{ {aliases} }}", f"{{ {aliases} {name} }}", f"mutation {name} {{ {' '.join(words)} }}",
            " ".join(words), f"query {name} {{ ...{name} }} fragment {name} on Query {{ {aliases} }}",
            f'{{ {name}: ticket(id: "{name}") {{ id }} }}', f"subscription {{ {name} }}", f"{{ {name}(a: {words}) }}",
        ])  # fmt: skip
        await api.execute(document)
    count_errors(f"CODE_{number}" for number in range(3000))
    assert series() - before == {("aiops_graphql_errors_total", "other"), ("aiops_graphql_errors_created", "other")}
    assert len(before) < 2500


def test_every_series_is_there_before_the_first_operation() -> None:
    schema = published()
    fields = {
        (kind, name)
        for kind in ("query", "mutation", "subscription")
        for name in getattr(schema, f"{kind}_type").fields
    }
    for kind, name in fields:
        for outcome in ("ok", "user_error", "refused", "error", "cancelled"):
            labels = {"operation": name, "type": kind, "outcome": outcome}
            assert REGISTRY.get_sample_value("aiops_graphql_operations_total", labels) is not None, labels
    assert {("aiops_graphql_errors_total", code) for code in CODES} <= series()
