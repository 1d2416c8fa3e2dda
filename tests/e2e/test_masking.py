"""Who sees which field: the same in single reads, lists and subscriptions."""

import pytest

from e2e import documents
from support.graphql import GraphqlClient, Json, first

SEES_CONTENT = {"ADMIN", "OPS"}
SEES_BODY = {"ADMIN", "OPS", "HR"}
SEES_REPORTER = {"ADMIN", "HR"}
ROLES = ["ADMIN", "OPS", "HR", "VIEWER"]


@pytest.fixture(scope="module")
async def ticket(admin: GraphqlClient) -> Json:
    return await documents.triaged(
        admin, title="Masked by role", body="the secretive body", reporterEmail="reporter@example.org"
    )


@pytest.fixture(scope="module")
async def entry(admin: GraphqlClient) -> Json:
    pending = await documents.submit(admin, documents.SUMMARIZE_LOG, source="masked", content="ERROR x\nERROR y")
    return await documents.settled(admin, documents.WATCH_LOG_ENTRY, pending)


@pytest.mark.parametrize("role", ROLES)
async def test_a_ticket_hides_body_and_reporter(people: dict[str, GraphqlClient], ticket: Json, role: str) -> None:
    reader = people[role]
    listed = (await reader.execute(documents.TICKETS, filter={"text": ticket["title"]}))["tickets"]["nodes"]
    seen = [
        (await reader.execute(documents.GET_TICKET, id=ticket["id"]))["ticket"],
        *listed,
        await first(reader.subscribe(documents.WATCH_TICKET, id=ticket["id"])),
    ]
    body = ticket["body"] if role in SEES_BODY else None
    reporter = ticket["reporterEmail"] if role in SEES_REPORTER else None
    assert [(one["id"], one["body"], one["reporterEmail"]) for one in seen] == [(ticket["id"], body, reporter)] * 3


@pytest.mark.parametrize("role", ROLES)
async def test_a_log_entry_hides_its_content(people: dict[str, GraphqlClient], entry: Json, role: str) -> None:
    reader = people[role]
    listed = (await reader.execute(documents.LOG_ENTRIES, filter={"source": "masked"}))["logEntries"]["nodes"]
    seen = [
        (await reader.execute(documents.GET_LOG_ENTRY, id=entry["id"]))["logEntry"],
        *listed,
        await first(reader.subscribe(documents.WATCH_LOG_ENTRY, id=entry["id"])),
    ]
    content = entry["content"] if role in SEES_CONTENT else None
    assert [(one["id"], one["content"]) for one in seen] == [(entry["id"], content)] * 3
    assert seen[0]["summary"]["headline"] == entry["summary"]["headline"]


async def test_what_a_role_may_not_read_it_cannot_search(people: dict[str, GraphqlClient], ticket: Json) -> None:
    found = {
        role: (await people[role].execute(documents.TICKETS, filter={"text": "the secretive"}))["tickets"]["totalCount"]
        for role in ROLES
    }
    assert found == {"ADMIN": 1, "OPS": 1, "HR": 1, "VIEWER": 0}


async def test_an_account_is_seen_by_its_owner_and_by_administrators(people: dict[str, GraphqlClient]) -> None:
    mine = (await people["HR"].execute(documents.ME))["me"]["id"]
    node = "query($id: ID!) { node(id: $id) { id ... on User { email } } }"
    seen = {role: (await people[role].execute(node, id=mine))["node"] for role in ROLES}
    assert seen["OPS"] is None
    assert seen["VIEWER"] is None
    assert seen["HR"] == seen["ADMIN"]
    assert seen["HR"]["id"] == mine
