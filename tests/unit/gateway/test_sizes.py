"""How much comes in with an operation and goes out: counted before anything is made of it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import strawberry
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from strawberry.types import ExecutionResult

from aiops_common.postgres import DatabaseUnavailable
from aiops_contracts.changelog import MAX_COMMITS, MAX_NAMED, GenerateChangelog
from aiops_gateway.domain.access import InvalidCredential, Role, Unauthenticated, Viewer
from aiops_gateway.graphql.errors import user_errors
from aiops_gateway.graphql.execution import limited
from aiops_gateway.graphql.inputs import MOST_PROBLEMS, InvalidInput, large_to_message
from aiops_gateway.graphql.schema import Schema, build_schema
from aiops_gateway.graphql.sizes import count_characters, count_values
from aiops_gateway.repository.read_model import TICKETS
from aiops_gateway.settings import GatewaySettings
from support.content_keys import content_keys
from unit.gateway.fake_api import Api, ticket

GENERATE = "mutation($i: GenerateChangelogInput!) { generateChangelog(input: $i) { userErrors { code field } } }"
ADMIN = Viewer(uuid4(), Role.ADMIN)

json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def values_in(data: Any) -> int:
    inside = list(data.values()) if isinstance(data, dict) else data if isinstance(data, list) else []
    return len(inside) + sum(values_in(one) for one in inside)


def characters_in(data: Any) -> int:
    if isinstance(data, dict):
        return sum(len(key) + characters_in(value) for key, value in data.items())
    return sum(map(characters_in, data)) if isinstance(data, list) else len(data) if isinstance(data, str) else 0


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4), st.integers(0, 30))
def test_counts_are_exact_up_to_the_limit(data: dict[str, Any], most: int) -> None:
    for count, exact in ((count_values, values_in(data)), (count_characters, characters_in(data))):
        counted = count(data, most)
        assert counted == exact if exact <= most else counted > most


def test_depth_does_not_matter() -> None:
    deep: Any = "x"
    for _ in range(50_000):
        deep = [deep]
    assert (count_values({"a": deep}, 10**6), count_characters(deep, 10)) == (50_001, 1)
    assert count_values(None, 1) == 0


def commits(count: int) -> dict[str, Any]:
    return {"project": "p", "commits": [{"message": "m", "paths": ["a", "b"]}] * count}


class Submissions:
    """Accepts nothing; ``taken`` is what came so far."""

    def __init__(self) -> None:
        self.taken: list[GenerateChangelog] = []

    async def generate_changelog(self, _viewer: Viewer, command: GenerateChangelog, _key: str | None) -> None:
        self.taken.append(command)


async def test_without_a_log_in_a_thousand_values_are_too_many() -> None:
    assert await Api(None).code(GENERATE, i=commits(150)) == "UNAUTHENTICATED"
    assert await Api(None).code(GENERATE, i=commits(250)) == "LIMIT_EXCEEDED"


async def test_who_is_logged_in_may_send_as_many_commits_as_the_contract_allows() -> None:
    submissions = Submissions()
    api = Api(ADMIN, submissions=submissions)
    assert await api.code(GENERATE, i=commits(MAX_COMMITS)) == ""
    (command,) = submissions.taken
    assert [commit.paths for commit in command.commits or ()] == [("a", "b")] * MAX_COMMITS
    assert await api.code(GENERATE, i=commits(25_000)) == "LIMIT_EXCEEDED"
    assert len(submissions.taken) == 1


async def test_a_subscription_is_no_way_around() -> None:
    api = Api(None)
    answers = await schema().stream(
        "subscription { ticketChanged { id } }",
        variable_values={"a": [[]] * 1001},
        context_value=api.context(),
    )
    (told,) = [answer async for answer in answers]
    assert isinstance(told, ExecutionResult)
    assert [error.extensions for error in told.errors or ()] == [{"code": "LIMIT_EXCEEDED"}]


class Doorkeeper:
    """Raises ``error`` whoever asks."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def identify(self, _authorization: str | None) -> Viewer:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unauthenticated("expired"), "UNAUTHENTICATED"), (DatabaseUnavailable("away"), "UNAVAILABLE")],
)
async def test_why_it_is_not_known_who_asks_is_told(error: Exception, code: str) -> None:
    api = Api(None, viewers=Doorkeeper(error))
    assert await api.code(GENERATE, i=commits(1000)) == code
    assert await api.code(GENERATE, i=commits(1)) == code


async def test_a_credential_is_asked_for_once() -> None:
    context = Api(ADMIN).context()
    assert await context.has_credential()
    assert not await Api(None).context().has_credential()
    assert await Api(None, viewers=Doorkeeper(DatabaseUnavailable("away"))).context().has_credential()
    audited: list[object] = []

    class Audit:
        async def refuse_credential(self, address: str | None) -> None:
            audited.append(address)

    context = Api(None, viewers=Doorkeeper(InvalidCredential("no")), audit=Audit()).context()
    for _ in range(2):
        with pytest.raises(InvalidCredential):
            await context.has_credential()
    assert audited == [None]


async def problems(**values: Any) -> list[tuple[list[str], str]]:
    with pytest.raises(InvalidInput) as raised:
        await large_to_message(GenerateChangelog, {"project": "p", **values})
    return raised.value.problems


async def test_a_mistake_far_down_is_named_by_its_place() -> None:
    wrong = [{"message": "m"}] * 9_000 + [{"message": ""}]
    assert [path for path, _ in await problems(commits=wrong)] == [["commits", "9000", "message"]]
    assert [path for path, _ in await problems(commits=[{"message": "m"}] * 10_001)] == [["commits"]]
    many = await problems(commits=[{"message": "m", "paths": ["a"] * (MAX_NAMED + 1)}])
    assert [path for path, _ in many] == [["commits", "0", "paths"]]
    entry = {"section": "ADDED", "text": "t", "references": ["r"] * (MAX_NAMED + 1), "authors": ["a"] * (MAX_NAMED + 1)}
    listed = [path for path, _ in await problems(entries=[entry])]
    assert listed == [["entries", "0", "references"], ["entries", "0", "authors"]]


async def test_thousands_of_mistakes_are_not_all_told() -> None:
    found = await problems(commits=[{"message": "m", "paths": ["\x00"] * 9}] * MAX_COMMITS)
    assert len(found) <= 1000
    told = user_errors(InvalidInput(found))
    assert len(told) == MOST_PROBLEMS
    assert told[0].field == ["commits", "0", "paths", "0"]
    assert (told[-1].field, "more mistakes" in told[-1].message) == (None, True)
    assert len(user_errors(InvalidInput(found[:MOST_PROBLEMS]))) == MOST_PROBLEMS
    assert "more mistakes" not in user_errors(InvalidInput(found[:MOST_PROBLEMS]))[-1].message


def schema(**limits: int) -> Schema:
    return build_schema(
        GatewaySettings(
            database_url=SecretStr("postgresql://gateway@localhost/x"),
            amqp_url=SecretStr("amqp://x@y/"),
            content_keys=SecretStr(content_keys()),
            **limits,  # type: ignore[arg-type]  # pydantic checks them
        )
    )


TEXTS = "{ logEntries { nodes { a: content b: content c: content } } }"


async def test_an_answer_that_is_too_large_is_not_sent() -> None:
    class Large:
        async def contents(self, ids: list[Any]) -> dict[Any, str]:
            return dict.fromkeys(ids, "x" * 300_000)

    api = Api(ADMIN)
    api.reader.contents = Large().contents  # type: ignore[assignment, method-assign]
    for document, fits in (("{ logEntries { nodes { content } } }", True), (TEXTS, False)):
        result = await schema(max_answer_bytes=2**20).execute(document, context_value=api.context())
        assert (result.data is not None) is fits
        told = [error.extensions for error in result.errors or ()]
        assert told == ([] if fits else [{"code": "LIMIT_EXCEEDED"}])


async def test_an_event_that_is_too_large_is_not_sent() -> None:
    api = Api(ADMIN)
    api.reader.rows[TICKETS.name] = [ticket(1).model_copy(update={"body": "x" * size}) for size in (9, 2**20, 9)]
    answers = await schema(max_answer_bytes=2**20).stream(
        "subscription { ticketChanged { body } }", context_value=api.context()
    )
    told = [answer.errors for answer in [one async for one in answers] if isinstance(answer, ExecutionResult)]
    assert [[error.extensions for error in errors or ()] for errors in told] == [[], [{"code": "LIMIT_EXCEEDED"}], []]


@strawberry.type
class Thing:
    number: int = 1

    @strawberry.field
    def things(self, count: int) -> list["Thing | None"]:
        return [Thing()] * count


@strawberry.type
class Query:
    @strawberry.field
    def thing(self) -> Thing | None:
        return Thing()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def thing(self) -> AsyncIterator[Thing]:
        for _ in range(3):
            yield Thing()


THINGS = strawberry.Schema(query=Query, subscription=Subscription, execution_context_class=limited(100))


@pytest.mark.parametrize(("count", "fits"), [(99, True), (100, False), (5000, False)])
async def test_an_answer_has_so_many_objects_and_stops_at_the_next(count: int, fits: bool) -> None:
    document = "query($n: Int!) { thing { things(count: $n) { number } } }"
    for result in (await THINGS.execute(document, {"n": count}), THINGS.execute_sync(document, {"n": count})):
        assert (result.data is not None) is fits
        assert len(result.errors or ()) == (0 if fits else 1)


async def test_an_object_of_many_fields_counts_as_several() -> None:
    fields = " ".join(f"a{i}: number" for i in range(10))
    for count, fits in ((49, True), (50, False)):
        result = await THINGS.execute(f"{{ thing {{ things(count: {count}) {{ {fields} }} }} }}")
        assert (result.data is not None) is fits


async def test_each_event_has_a_number_of_its_own() -> None:
    answers = await THINGS.stream("subscription { thing { things(count: 60) { number } } }")
    assert [bool(answer.errors) async for answer in answers if isinstance(answer, ExecutionResult)] == [False] * 3
