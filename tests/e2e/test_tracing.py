"""One trace from the HTTP request to the projected result, and nothing personal in any span."""

from collections import Counter

import pytest

from e2e import documents
from e2e.conftest import PASSWORD, Accounts
from support.eventually import eventually
from support.graphql import GraphqlClient, Json
from support.stack import RunningStack

COMMAND = "triage.triage_ticket.v1"
EVENT = "triage.ticket_triaged.v1"


@pytest.fixture(scope="module")
async def spans(stack: RunningStack, admin: GraphqlClient) -> list[Json]:
    """The spans of one triageTicket mutation."""
    ticket = await documents.triaged(
        admin, title="Traced zebrafish", body="unmistakable okapi", reporterEmail="axolotl@example.org"
    )

    async def complete() -> list[Json]:
        found = [span for span in stack.spans() if span["trace_id"] == ticket["traceId"]]
        # Batches are written every half second, by each process on its own: the last step may come before the others.
        last = any(span["name"] == f"process {EVENT}" for span in found)
        known = {span["span_id"] for span in found} | {None}
        return found if last and all(span["parent_id"] in known for span in found) else []

    return await eventually(complete)


async def test_every_step_of_a_request_is_in_its_trace(spans: list[Json]) -> None:
    steps = Counter((span["service"], span["name"]) for span in spans)
    expected = [
        ("aiops-gateway", "mutation TriageTicket"),
        ("aiops-gateway", f"publish {COMMAND}"),
        ("aiops-triage", f"process {COMMAND}"),
        ("aiops-triage", "engine classify"),
        ("aiops-triage", f"publish {EVENT}"),
        ("aiops-gateway", f"process {EVENT}"),
    ]
    assert [steps[step] for step in expected] == [1] * len(expected), steps
    http = [span for span in spans if span["service"] == "aiops-gateway" and span["kind"] == "SERVER"]
    assert [span["parent_id"] for span in http] == [None]
    assert {span["status"] for span in spans} <= {"UNSET", "OK"}


async def test_the_trace_is_one_tree(spans: list[Json]) -> None:
    parents = {span["span_id"]: span["parent_id"] for span in spans}
    assert [span["name"] for span in spans if span["parent_id"] is not None and span["parent_id"] not in parents] == []
    assert list(parents.values()).count(None) == 1
    names = {span["span_id"]: (span["service"], span["name"]) for span in spans}
    chain = [("aiops-gateway", f"process {EVENT}")]
    current = next(span["parent_id"] for span in spans if (span["service"], span["name"]) == chain[0])
    while current is not None:
        chain.append(names[current])
        current = parents[current]
    assert chain[:5] == [
        ("aiops-gateway", f"process {EVENT}"),
        ("aiops-triage", f"publish {EVENT}"),
        ("aiops-triage", f"process {COMMAND}"),
        ("aiops-gateway", f"publish {COMMAND}"),
        ("aiops-gateway", "mutation TriageTicket"),
    ]


async def test_no_argument_address_or_token_is_in_any_span(
    stack: RunningStack, admin: GraphqlClient, accounts: Accounts, spans: list[Json]
) -> None:
    _, payload = await accounts.sign_up()

    async def written() -> bool:
        return any(span["name"] == "answer auth.sign_up.v2" for span in stack.spans())

    await eventually(written)
    text = stack.stack.layout.traces.read_text()
    forbidden = {
        "title": "zebrafish", "body": "okapi", "reporter": "axolotl", "password": PASSWORD,
        "email": payload["user"]["email"], "admin": stack.environment["ADMIN_EMAIL"],
        "access token": str(admin.token), "refresh token": payload["tokens"]["refreshToken"],
        "any address": "@example.", "any token": "eyJ",
    }  # fmt: skip
    assert {name: word in text for name, word in forbidden.items()} == dict.fromkeys(forbidden, False)
