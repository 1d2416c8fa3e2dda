"""Dead letters through the schema: roles, shapes and errors as data."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from strawberry.types import ExecutionResult
from typing_extensions import override

from aiops_common.messaging.deadletter import BrokerUnavailable, DeadLetter
from aiops_common.postgres import Pool
from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.ids import to_global_id
from aiops_gateway.service.dead_letters import DEAD_QUEUES, DeadLetterOffice
from aiops_gateway.service.viewers import Viewers
from unit.gateway.fake_dead_letters import FakeAudit, FakeDeadLetters, letter, unkept
from unit.gateway.schema import built, use_cases

LIST = """query($queue: String, $first: Int, $after: String) {
 deadLetters(queue: $queue, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  edges { cursor node { id } }
  nodes { id queue messageType messageId reason error attempts deadAt traceId body }
} }"""
NODE = "query($id: ID!) { node(id: $id) { id ... on DeadLetter { queue reason } } }"
REPLAY = """mutation($queue: String!, $ids: [ID!]) { replayDeadLetters(input: {queue: $queue, ids: $ids}) {
  replayed userErrors { code field message }
} }"""
OTHERS = [Role.OPS, Role.HR, Role.VIEWER]


class SomebodyOf(Viewers):
    """Everybody who asks has this role, whatever their token."""

    def __init__(self, role: Role) -> None:
        super().__init__(Pool("postgresql://nobody@127.0.0.1:1/none"), TokenVerifier(issuer="i", audience="a"))
        self.viewer = Viewer(uuid4(), role)

    @override
    async def identify(self, authorization: str | None) -> Viewer:
        return self.viewer


class Api:
    """The schema over letters in memory, as somebody of ``role`` uses it."""

    def __init__(self, *letters: DeadLetter, role: Role = Role.ADMIN) -> None:
        self.letters, self.audit, self.viewers = FakeDeadLetters(*letters), FakeAudit(), SomebodyOf(role)
        office = DeadLetterOffice(self.letters, self.audit, unkept())
        self._use_cases = use_cases(viewers=self.viewers, audit=self.audit, dead_letters=office)

    async def execute(self, document: str, **variables: object) -> ExecutionResult:
        context = Context(self._use_cases, authorization=None)
        result = await built().execute(document, variable_values=variables, context_value=context)
        assert isinstance(result, ExecutionResult)
        return result

    async def code(self, document: str, **variables: object) -> str:
        errors = (await self.execute(document, **variables)).errors or []
        return ",".join(str((error.extensions or {})["code"]) for error in errors)

    async def data(self, document: str, **variables: object) -> Any:
        result = await self.execute(document, **variables)
        assert not result.errors
        assert result.data is not None
        return next(iter(result.data.values()))


def global_id(one: DeadLetter) -> str:
    return to_global_id("DeadLetter", one.id)


async def test_a_letter_is_shown_whole() -> None:
    one = letter(body="what came", attempts=5)
    listed = await Api(one).data(LIST)
    assert listed["nodes"] == [
        {
            "id": global_id(one), "queue": "triage.dead", "messageType": "triage.triage_ticket.v1", "messageId": None,
            "reason": "not_json", "error": "the body is not valid JSON", "attempts": 5,
            "deadAt": "2026-01-01T00:00:00+00:00", "traceId": one.trace_id, "body": "what came",
        }
    ]  # fmt: skip
    assert listed["totalCount"] == 1


async def test_a_page_leads_to_the_next() -> None:
    letters = [letter(second=number) for number in range(3)]
    api = Api(*letters)
    page = await api.data(LIST, first=2)
    assert [edge["node"]["id"] for edge in page["edges"]] == [global_id(letters[2]), global_id(letters[1])]
    assert page["pageInfo"] == {
        "hasNextPage": True, "hasPreviousPage": False, "startCursor": page["edges"][0]["cursor"],
        "endCursor": page["edges"][1]["cursor"],
    }  # fmt: skip
    following = await api.data(LIST, first=2, after=page["pageInfo"]["endCursor"])
    assert [node["id"] for node in following["nodes"]] == [global_id(letters[0])]
    assert (following["pageInfo"]["hasNextPage"], following["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert following["totalCount"] == 3


@pytest.mark.parametrize("arguments", [{"first": 0}, {"first": 101}, {"after": "x"}, {"queue": "triage.work"}])
async def test_a_list_that_cannot_be_is_bad_input(arguments: dict[str, object]) -> None:
    assert await Api(letter()).code(LIST, **arguments) == "BAD_USER_INPUT"


async def test_a_letter_is_a_node_for_administrators_only() -> None:
    one = letter("summarizer.dead")
    shown = {"id": global_id(one), "queue": "summarizer.dead", "reason": "not_json"}
    assert await Api(one).data(NODE, id=global_id(one)) == shown
    assert await Api().data(NODE, id=global_id(one)) is None
    for role in OTHERS:
        assert await Api(one, role=role).data(NODE, id=global_id(one)) is None


@pytest.mark.parametrize("role", OTHERS)
async def test_other_roles_are_refused_and_that_is_on_record(role: Role) -> None:
    api = Api(letter(), role=role)
    assert await api.code(LIST) == "FORBIDDEN"
    assert [record.action for record in api.audit.records.values()] == ["deadLetters"]
    api.audit.records.clear()
    assert await api.code(REPLAY, queue="jane.doe@example.org") == "FORBIDDEN"
    (record,) = api.audit.records.values()
    assert (record.actor, record.action) == (api.viewers.viewer.principal, "replayDeadLetters")
    assert record.details == {"outcome": "FORBIDDEN"}
    assert len(api.letters.letters) == 1


async def test_a_replay_tells_how_many() -> None:
    letters = [letter(second=number) for number in range(3)]
    api = Api(*letters)
    ids = [global_id(one) for one in letters[:2]]
    assert await api.data(REPLAY, queue="triage.dead", ids=ids) == {"replayed": 2, "userErrors": []}
    assert await api.data(REPLAY, queue="triage.dead") == {"replayed": 1, "userErrors": []}
    assert await api.data(REPLAY, queue="triage.dead", ids=None) == {"replayed": 0, "userErrors": []}


async def test_every_id_that_is_none_is_told_with_its_place() -> None:
    one = letter()
    api = Api(one)
    ticket = to_global_id("Ticket", one.id)
    for wrong in (["nonsense"], [ticket], [str(one.id)], ["\ud800"], [to_global_id("DeadLetter", UUID(int=1))]):
        payload = await api.data(REPLAY, queue="triage.dead", ids=[global_id(one), *wrong])
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["ids", "1"])]
        assert payload["replayed"] == 0
    payload = await api.data(REPLAY, queue="triage.dead", ids=["a", "b", global_id(one)])
    assert [error["field"] for error in payload["userErrors"]] == [["ids", "0"], ["ids", "1"]]
    assert len(api.letters.letters) == 1


async def test_a_letter_of_another_queue_is_not_found() -> None:
    one = letter("summarizer.dead")
    payload = await Api(one).data(REPLAY, queue="triage.dead", ids=[global_id(one)])
    assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]


async def test_an_unknown_queue_and_an_empty_choice_are_mistakes_in_the_input() -> None:
    api = Api(letter())
    (error,) = (await api.data(REPLAY, queue="triage.work"))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["queue"])
    assert all(queue in error["message"] for queue in DEAD_QUEUES)
    (error,) = (await api.data(REPLAY, queue="triage.dead", ids=[]))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["ids"])
    assert len(api.letters.letters) == 1


async def test_what_has_no_way_back_is_told_by_its_id_when_all_were_asked_for() -> None:
    one, other = letter(), letter()
    api = Api(one, other)
    api.letters.unreturnable = frozenset({other.id})
    (error,) = (await api.data(REPLAY, queue="triage.dead"))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["ids"])
    assert global_id(other) in error["message"]
    (error,) = (await api.data(REPLAY, queue="triage.dead", ids=[global_id(one), global_id(other)]))["userErrors"]
    assert error["field"] == ["ids", "1"]


async def test_without_a_broker_dead_letters_are_unavailable() -> None:
    api = Api(letter())
    api.letters.failure = BrokerUnavailable("amqp://gateway:hunter2@broker")
    assert await api.code(LIST) == "UNAVAILABLE"
    assert await api.code(REPLAY, queue="triage.dead") == "UNAVAILABLE"
    assert "hunter2" not in str((await api.execute(LIST)).errors)
