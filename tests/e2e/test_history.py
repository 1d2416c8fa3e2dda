"""What happened to a log entry or ticket, version by version, as each role may see it."""

import pytest

from e2e import documents
from e2e.conftest import Accounts
from support.graphql import GraphqlClient, Json, code_of, post

REPLAY = """query($log: ID, $ticket: ID) { replayChanges(logId: $log, ticketId: $ticket) {
  version kind changedAt changedBy fields { name before after } state } }"""
SECRET = "only some may read this body"
REPORTER = "reporter@example.org"
HIDDEN = {"ADMIN": set(), "HR": set(), "OPS": {"reporterEmail"}, "VIEWER": {"body", "reporterEmail"}}


async def replayed(client: GraphqlClient, **ids: str) -> list[Json]:
    versions: list[Json] = (await client.execute(REPLAY, **ids))["replayChanges"]
    return versions


async def move(client: GraphqlClient, ticket: Json, status: str) -> Json:
    change = {"ticketId": ticket["id"], "status": status, "expectedVersion": ticket["version"]}
    payload = (await client.execute(documents.UPDATE_TICKET_STATUS, input=change))["updateTicketStatus"]
    assert payload["userErrors"] == []
    moved: Json = payload["ticket"]
    return moved


@pytest.fixture(scope="module")
async def machine(admin: GraphqlClient) -> tuple[GraphqlClient, str]:
    """A machine with the role OPS, and the id of its API key."""
    made = await admin.execute(documents.CREATE_API_KEY, input={"name": "history", "role": "OPS"})
    payload = made["createApiKey"]
    return admin.signed_in(payload["secret"]), payload["apiKey"]["id"]


@pytest.fixture(scope="module")
async def ticket(admin: GraphqlClient, machine: tuple[GraphqlClient, str]) -> Json:
    """A ticket that a person and a machine moved."""
    made = await documents.triaged(admin, title="History", body=SECRET, reporterEmail=REPORTER)
    return await move(machine[0], await move(admin, made, "IN_PROGRESS"), "RESOLVED")


async def test_every_version_of_a_ticket_is_told_with_who_made_it(
    admin: GraphqlClient, machine: tuple[GraphqlClient, str], ticket: Json
) -> None:
    versions = await replayed(admin, ticket=ticket["id"])
    assert [one["version"] for one in versions] == [1, 2, 3]
    assert [one["state"]["status"] for one in versions] == ["OPEN", "IN_PROGRESS", "RESOLVED"]
    assert [one["kind"] for one in versions] == ["ticket.triaged", "ticket.status_changed", "ticket.status_changed"]
    me = (await admin.execute(documents.ME))["me"]["id"]
    assert [one["changedBy"] for one in versions[1:]] == [me, machine[1]]
    changed = [{field["name"]: (field["before"], field["after"]) for field in one["fields"]} for one in versions]
    assert changed[0]["body"] == (None, SECRET)
    assert changed[1]["status"] == ("OPEN", "IN_PROGRESS")
    assert changed[1].keys() <= {"status", "updatedAt", "traceId"}


async def test_the_last_state_is_the_ticket(admin: GraphqlClient, ticket: Json) -> None:
    read = (await admin.execute(documents.GET_TICKET, id=ticket["id"]))["ticket"]
    assert (await replayed(admin, ticket=ticket["id"]))[-1]["state"] == read


async def test_the_last_state_is_the_log_entry(admin: GraphqlClient) -> None:
    content = "2026-01-01T10:00:00Z ERROR payment 17 failed\n2026-01-01T10:00:01Z ERROR payment 18 failed\n"
    pending = await documents.submit(admin, documents.SUMMARIZE_LOG, source="history", content=content)
    entry = await documents.settled(admin, documents.WATCH_LOG_ENTRY, pending)
    read = (await admin.execute(documents.GET_LOG_ENTRY, id=entry["id"]))["logEntry"]
    (version,) = await replayed(admin, log=entry["id"])
    told = version["state"]
    asked = set(read["summary"]["patterns"][0])
    told["summary"]["patterns"] = [{name: one[name] for name in asked} for one in told["summary"]["patterns"]]
    assert told == read
    assert version["changedBy"] == (await admin.execute(documents.ME))["me"]["id"] or version["changedBy"] is None


@pytest.mark.parametrize("role", ["ADMIN", "OPS", "HR", "VIEWER"])
async def test_each_role_gets_what_it_may_see(people: dict[str, GraphqlClient], ticket: Json, role: str) -> None:
    answer = (await post(people[role], {"query": REPLAY, "variables": {"ticket": ticket["id"]}})).json()
    versions = answer["data"]["replayChanges"]
    assert {name for one in versions for name in one["state"] if one["state"][name] is None} >= HIDDEN[role]
    assert (SECRET in str(answer)) is ("body" not in HIDDEN[role])
    assert (REPORTER in str(answer)) is ("reporterEmail" not in HIDDEN[role])
    masked = {path for path in (answer.get("extensions") or {}).get("masked", []) if ".state." in path}
    assert masked == {f"replayChanges.{at}.state.{name}" for at in range(3) for name in HIDDEN[role]}


async def test_what_is_asked_wrongly_or_by_nobody_is_refused(
    accounts: Accounts, admin: GraphqlClient, ticket: Json
) -> None:
    assert await code_of(admin, REPLAY) == "BAD_USER_INPUT"
    assert await code_of(admin, REPLAY, log=ticket["id"], ticket=ticket["id"]) == "BAD_USER_INPUT"
    assert await replayed(admin, log=ticket["id"]) == []
    assert await code_of(accounts.visitor, REPLAY, ticket=ticket["id"]) == "UNAUTHENTICATED"
