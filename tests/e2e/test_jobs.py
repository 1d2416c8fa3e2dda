"""The three jobs, from the mutation to their result."""

import asyncio

import httpx

from e2e import documents
from support.graphql import GraphqlClient, Json, first
from support.stack import RunningStack

LOG = """\
2026-03-01T10:00:00Z INFO  worker started pid=4711
2026-03-01T10:00:01Z INFO  request served in 12 ms for anna.schmidt@example.com
2026-03-01T10:00:02Z INFO  request served in 15 ms for bob@example.com
2026-03-01T10:00:03Z ERROR connection to 10.1.2.3:5432 refused
2026-03-01T10:00:04Z ERROR connection to 10.1.2.4:5432 refused
2026-03-01T10:00:05Z WARN  retrying in 5 s
a line without any form
"""
COMMITS = [
    {"message": "feat(api): add paging to lists (#12)", "hash": "a1b2c3d", "author": "Ann"},
    {"message": "fix: wrong total on the invoice", "hash": "b1b2c3d"},
    {"message": "feat!: drop the old export\n\nBREAKING CHANGE: use /v2/export", "hash": "c1b2c3d"},
    {"message": "feat: a thing that did not work out", "hash": "d1b2c3d4e5f6a7b8c9d0d1b2c3d4e5f6a7b8c9d0"},
    {
        "message": 'Revert "feat: a thing that did not work out"\n\n'
        "This reverts commit d1b2c3d4e5f6a7b8c9d0d1b2c3d4e5f6a7b8c9d0.",
        "hash": "e1b2c3d",
    },
    {"message": "wip", "hash": "f1b2c3d"},
    {"message": "chore: tidy up", "hash": "01b2c3d"},
]


def assert_built_in(provenance: Json) -> None:
    assert (provenance["engine"], provenance["degraded"], provenance["degradedReason"]) == ("BUILTIN", False, None)
    assert provenance["durationMs"] >= 0
    assert provenance["model"] is None


async def test_a_log_becomes_a_summary_whose_patterns_count_every_line(admin: GraphqlClient) -> None:
    pending = await documents.submit(admin, documents.SUMMARIZE_LOG, source="shop", content=LOG)
    assert (pending["state"], pending["version"], pending["summary"]) == ("PENDING", 0, None)
    assert (pending["lineCount"], pending["byteCount"]) == (7, len(LOG.encode()))
    entry = await documents.settled(admin, documents.WATCH_LOG_ENTRY, pending)
    assert (entry["state"], entry["version"], entry["failure"]) == ("SUCCEEDED", 1, None)
    same = ("id", "source", "content", "lineCount", "byteCount", "createdAt", "traceId")
    assert {name: entry[name] for name in same} == {name: pending[name] for name in same}
    summary = entry["summary"]
    assert sum(pattern["count"] for pattern in summary["patterns"]) == entry["lineCount"] == 7
    assert summary["patternCount"] == len(summary["patterns"])
    refused = next(pattern for pattern in summary["patterns"] if "refused" in pattern["template"])
    assert (refused["level"], refused["count"], refused["firstLine"]) == ("ERROR", 2, 4)
    assert "<*>" in refused["template"]
    assert summary["redactions"] >= 2
    assert "@example.com" not in str(entry)
    assert_built_in(summary["provenance"])
    assert len(entry["traceId"]) == 32


async def test_a_ticket_is_triaged_without_the_mail_addresses_in_it(admin: GraphqlClient) -> None:
    pending = await documents.submit(
        admin,
        documents.TRIAGE_TICKET,
        title="Checkout down for anna.schmidt@example.com",
        body="Every payment ends with 502 for all customers. Call bob@example.com. Production is down!",
        reporterEmail="carol@example.org",
        source="monitoring",
    )
    assert (pending["state"], pending["triage"]) == ("PENDING", None)
    ticket = await documents.settled(admin, documents.WATCH_TICKET, pending)
    assert (ticket["state"], ticket["version"], ticket["status"]) == ("SUCCEEDED", 1, "OPEN")
    assert (ticket["title"], ticket["body"]) == (pending["title"], pending["body"])
    assert "@example.com" not in str(ticket)
    assert ticket["title"] == "Checkout down for <EMAIL_1>"
    assert (ticket["reporterEmail"], ticket["source"]) == ("carol@example.org", "monitoring")
    triage = ticket["triage"]
    assert (triage["category"], triage["severity"]) == ("INCIDENT", "CRITICAL")
    assert triage["reasons"]
    assert 0 <= triage["confidence"] <= 1
    assert_built_in(triage["provenance"])
    assert (ticket["traceId"], ticket["createdAt"]) == (pending["traceId"], pending["createdAt"])


async def test_every_commit_is_in_exactly_one_place_of_the_changelog(admin: GraphqlClient) -> None:
    pending = await documents.submit(admin, documents.GENERATE_CHANGELOG, project="shop", commits=COMMITS)
    changelog = await documents.settled(admin, documents.WATCH_CHANGELOG, pending)
    assert (changelog["state"], changelog["failure"]) == ("SUCCEEDED", None)
    shown = [entry for section in changelog["sections"] for entry in section["entries"]]
    placed = [
        commit for entry in shown + changelog["reverted"] + changelog["needsReview"] for commit in entry["commits"]
    ]
    assert sorted(commit[:7] for commit in placed) == sorted(str(commit["hash"])[:7] for commit in COMMITS)
    assert {section["section"] for section in changelog["sections"]} >= {"BREAKING", "ADDED", "FIXED"}
    assert changelog["suggestedBump"] == "MAJOR"
    assert "## " in changelog["markdown"]
    assert_built_in(changelog["provenance"])


async def test_ready_entries_become_a_changelog_too(admin: GraphqlClient) -> None:
    entries = [{"section": "ADDED", "text": "Paging"}, {"section": "FIXED", "text": "Totals", "references": ["#3"]}]
    changelog = await documents.settled(
        admin,
        documents.WATCH_CHANGELOG,
        await documents.submit(admin, documents.GENERATE_CHANGELOG, project="shop", release="1.4.0", entries=entries),
    )
    told = {section["section"]: [entry["text"] for entry in section["entries"]] for section in changelog["sections"]}
    assert told == {"ADDED": ["Paging"], "FIXED": ["Totals"]}
    assert changelog["release"] == "1.4.0"


async def test_a_hundred_identical_mutations_at_once_are_one_ticket(stack: RunningStack, admin: GraphqlClient) -> None:
    values = {"title": "One of a hundred", "body": "the same", "idempotencyKey": "a-hundred-at-once"}
    document = """mutation($input: TriageTicketInput!) {
      triageTicket(input: $input) { ticket { id title body createdAt } userErrors { code } }
    }"""
    body = {"query": document, "variables": {"input": values}}
    headers = {"Authorization": f"Bearer {admin.token}"}
    async with httpx.AsyncClient(timeout=30, trust_env=False, headers=headers) as http:
        answers = await asyncio.gather(*(http.post(admin.url, json=body) for _ in range(100)))
    told = [answer.json() for answer in answers]
    assert told == [told[0]] * 100
    assert told[0]["data"]["triageTicket"]["userErrors"] == []
    ticket = told[0]["data"]["triageTicket"]["ticket"]
    await first(admin.subscribe(documents.WATCH_TICKET, id=ticket["id"]), lambda one: bool(one["state"] == "SUCCEEDED"))
    found = (await admin.execute(documents.TICKETS, filter={"text": values["title"]}))["tickets"]
    assert (found["totalCount"], found["nodes"][0]["id"], found["nodes"][0]["version"]) == (1, ticket["id"], 1)


async def test_a_key_that_stands_for_something_else_is_refused(admin: GraphqlClient) -> None:
    values = {"title": "t", "body": "first", "idempotencyKey": "used-twice"}
    await documents.submit(admin, documents.TRIAGE_TICKET, **values)
    answer = await admin.execute(documents.TRIAGE_TICKET, input={**values, "body": "second"})
    errors = answer["triageTicket"]["userErrors"]
    assert [(error["code"], error["field"]) for error in errors] == [("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])]
    assert answer["triageTicket"]["ticket"] is None


async def test_a_ticket_moves_at_its_expected_version_and_along_allowed_ways_only(admin: GraphqlClient) -> None:
    ticket = await documents.triaged(admin, title="Printer", body="is broken")

    async def move(status: str, version: int, key: str | None = None) -> Json:
        change = {"ticketId": ticket["id"], "status": status, "expectedVersion": version, "idempotencyKey": key}
        payload: Json = (await admin.execute(documents.UPDATE_TICKET_STATUS, input=change))["updateTicketStatus"]
        return payload

    moved = await move("IN_PROGRESS", 1, "move-once")
    assert (moved["ticket"]["status"], moved["ticket"]["version"], moved["userErrors"]) == ("IN_PROGRESS", 2, [])
    assert (await move("IN_PROGRESS", 1, "move-once"))["ticket"]["version"] == 2
    read = (await admin.execute(documents.GET_TICKET, id=ticket["id"]))["ticket"]
    assert (read["status"], read["version"]) == ("IN_PROGRESS", 2)
    stale = await move("RESOLVED", 1)
    assert [error["code"] for error in stale["userErrors"]] == ["VERSION_CONFLICT"]
    assert (stale["ticket"]["version"], stale["ticket"]["status"]) == (2, "IN_PROGRESS")
    await move("CLOSED", 2)
    refused = await move("WAITING", 3)
    assert [error["code"] for error in refused["userErrors"]] == ["INVALID_TRANSITION"]
