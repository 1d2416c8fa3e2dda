"""Masked fields are null, and the answer says which they are: for queries, mutations and every event of a stream."""

import json
from contextlib import suppress
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from strawberry.types import ExecutionResult

from aiops_contracts.base import JobState
from aiops_contracts.triage import TicketSnapshot, TriageTicket
from aiops_gateway.domain.access import Role, Viewer
from aiops_gateway.graphql.endpoint import Endpoint
from aiops_gateway.graphql.ids import to_global_id
from unit.gateway.fake_api import START, Api, FakeReader
from unit.gateway.schema import built

TICKET_1 = to_global_id("Ticket", UUID(int=1))
TICKETS = "{ tickets { edges { node { id theBody: body } } nodes { reporterEmail } } }"
WATCH = "subscription { ticketChanged { id body reporterEmail } }"


def of(role: Role) -> Viewer:
    return Viewer(UUID(int=99), role)


def masked(result: ExecutionResult) -> object:
    assert not result.errors
    return (result.extensions or {}).get("masked")


async def test_what_is_masked_is_listed_by_its_response_path() -> None:
    result = await Api(of(Role.VIEWER)).execute(TICKETS)
    assert masked(result) == [
        "tickets.edges.0.node.theBody", "tickets.edges.1.node.theBody",
        "tickets.nodes.0.reporterEmail", "tickets.nodes.1.reporterEmail",
    ]  # fmt: skip
    assert result.data is not None
    assert {edge["node"]["theBody"] for edge in result.data["tickets"]["edges"]} == {None}
    assert {node["reporterEmail"] for node in result.data["tickets"]["nodes"]} == {None}


@pytest.mark.parametrize(
    ("role", "paths"),
    [
        (Role.ADMIN, None),
        (Role.HR, None),
        (Role.OPS, ["t.reporterEmail"]),
        (Role.VIEWER, ["t.body", "t.reporterEmail"]),
    ],
)
async def test_each_role_is_told_what_it_misses(role: Role, paths: list[str] | None) -> None:
    document = "query($id: ID!) { t: ticket(id: $id) { body reporterEmail } }"
    assert masked(await Api(of(role)).execute(document, id=TICKET_1)) == paths


async def test_only_what_was_asked_for_is_listed() -> None:
    api = Api(of(Role.VIEWER))
    document = (
        "query($id: ID!, $with: Boolean!) { node(id: $id) { id ... on Ticket { title body @include(if: $with) } } }"
    )
    left_out = await api.execute(document, id=TICKET_1, **{"with": False})
    assert masked(left_out) is None
    assert left_out.data == {"node": {"id": TICKET_1, "title": "t1"}}
    assert masked(await api.execute(document, id=TICKET_1, **{"with": True})) == ["node.body"]


async def test_that_there_is_no_value_is_not_told_either() -> None:
    without = to_global_id("Ticket", UUID(int=2))
    document = "query($id: ID!) { ticket(id: $id) { reporterEmail } }"
    answers = [await Api(of(Role.OPS)).execute(document, id=identity) for identity in (TICKET_1, without)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("role", [Role.HR, Role.VIEWER])
async def test_a_masked_text_is_not_read_from_the_database(role: Role) -> None:
    api = Api(of(role))
    result = await api.execute("{ logEntries { nodes { content } } }")
    assert masked(result) == ["logEntries.nodes.0.content", "logEntries.nodes.1.content"]
    assert api.reader.reads == []
    allowed = Api(of(Role.OPS))
    assert masked(await allowed.execute("{ logEntries { nodes { content } } }")) is None
    assert len(allowed.reader.reads) == 2


class Submissions:
    """Accepts every ticket."""

    async def triage_ticket(self, _viewer: Viewer, command: TriageTicket, _key: str | None) -> TicketSnapshot:
        return TicketSnapshot(
            id=UUID(int=5), version=0, state=JobState.PENDING, created_at=START, updated_at=START, title=command.title,
            body=command.body, reporter_email=command.reporter_email, source="mail", status="OPEN",
        )  # fmt: skip


async def test_a_mutation_is_masked_too() -> None:
    document = """mutation { triageTicket(input: {title: "t", body: "b", reporterEmail: "a@b"}) {
        ticket { body reporterEmail } userErrors { code } } }"""
    result = await Api(of(Role.OPS), submissions=Submissions()).execute(document)
    assert masked(result) == ["triageTicket.ticket.reporterEmail"]
    assert result.data is not None
    assert result.data["triageTicket"]["ticket"] == {"body": "b", "reporterEmail": None}


async def test_a_reader_cannot_search_what_it_may_not_see() -> None:
    for role, hidden in ((Role.VIEWER, {"body"}), (Role.HR, set())):
        api = Api(of(role))
        await api.execute('{ tickets(filter: {text: "secret"}) { totalCount } }')
        assert [set(condition.hidden) for condition in api.reader.asked] == [hidden, hidden]


def served(api: Api) -> TestClient:
    endpoint = Endpoint(built(), api.use_cases, origins=())
    return TestClient(Starlette(routes=[Route("/", endpoint, methods=["POST"]), WebSocketRoute("/", endpoint)]))


def test_every_event_of_a_websocket_is_masked_for_its_moment() -> None:
    # Who asks is looked up for the start and for every event: the role is taken away between the two events.
    api = Api(of(Role.ADMIN), of(Role.ADMIN), of(Role.VIEWER))
    with served(api).websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        assert socket.receive_json()["type"] == "connection_ack"
        socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": WATCH}})
        first, second = (socket.receive_json()["payload"] for _ in range(2))
    assert "extensions" not in first
    assert first["data"]["ticketChanged"]["body"] == "secret 1"
    assert second["extensions"] == {"masked": ["ticketChanged.body", "ticketChanged.reporterEmail"]}
    assert second["data"]["ticketChanged"]["body"] is None


def test_operations_that_share_a_websocket_have_lists_of_their_own() -> None:
    with served(Api(of(Role.VIEWER))).websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        socket.receive_json()
        document = "query($id: ID!) { ticket(id: $id) { %s } }"
        for name in ("body", "title", "reporterEmail"):
            payload = {"query": document % name, "variables": {"id": TICKET_1}}
            socket.send_json({"id": name, "type": "subscribe", "payload": payload})
        answers = [socket.receive_json() for _ in range(6)]
    told = {answer["id"]: answer["payload"].get("extensions") for answer in answers if answer["type"] == "next"}
    assert told == {
        "body": {"masked": ["ticket.body"]}, "title": None, "reporterEmail": {"masked": ["ticket.reporterEmail"]},
    }  # fmt: skip


def test_an_operation_on_an_open_websocket_has_the_role_of_its_moment() -> None:
    api = Api(of(Role.ADMIN), of(Role.VIEWER))
    with served(api).websocket_connect("/", subprotocols=["graphql-transport-ws"]) as socket:
        socket.send_json({"type": "connection_init"})
        socket.receive_json()
        payload = {"query": "query($id: ID!) { ticket(id: $id) { body } }", "variables": {"id": TICKET_1}}
        bodies = []
        for name in ("before", "after"):
            socket.send_json({"id": name, "type": "subscribe", "payload": payload})
            bodies.append(socket.receive_json()["payload"]["data"]["ticket"]["body"])
            assert socket.receive_json()["type"] == "complete"
    assert bodies == ["secret 1", None]


def test_every_server_sent_event_is_masked() -> None:
    answer = served(Api(of(Role.OPS))).post("/", json={"query": WATCH}, headers={"Accept": "text/event-stream"})
    events = []
    for line in answer.text.splitlines():
        with suppress(ValueError):
            events.append(json.loads(line.removeprefix("data: ")))
    told = [event["extensions"] for event in events if event.get("data")]
    assert told == [{"masked": ["ticketChanged.reporterEmail"]}] * len(FakeReader().rows["ticket"])
