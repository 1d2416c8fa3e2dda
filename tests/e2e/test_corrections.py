"""People put right what triage decided: at the version that they saw, under their name, for all to see at once."""

import asyncio
from contextlib import aclosing
from uuid import uuid4

import pytest

from aiops_gateway.graphql.ids import to_global_id
from e2e import documents
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of, first, following, user_error_codes

REPLAY = "query($id: ID!) { replayChanges(ticketId: $id) { version kind changedBy fields { name } state } }"
TITLE, BODY = "Printer of the third floor", "prints pages without a word on them"


@pytest.fixture
async def ticket(admin: GraphqlClient) -> Json:
    return await documents.triaged(admin, title=TITLE, body=BODY)


async def correct(client: GraphqlClient, ticket: Json, **change: object) -> Json:
    asked = {"ticketId": ticket["id"], "expectedVersion": ticket["version"], **change}
    payload: Json = (await client.execute(documents.CORRECT_TRIAGE, input=asked))["correctTriage"]
    return payload


async def me(client: GraphqlClient) -> str:
    return str((await client.execute(documents.ME))["me"]["id"])


async def test_a_correction_is_seen_at_once_and_says_who_made_it(
    people: dict[str, GraphqlClient], ticket: Json
) -> None:
    category = "HR" if ticket["triage"]["category"] != "HR" else "BILLING"
    payload = await correct(people["OPS"], ticket, category=category, severity="CRITICAL")
    assert payload["userErrors"] == []
    corrected = payload["ticket"]
    assert (corrected["version"], corrected["status"]) == (2, "OPEN")
    triage = corrected["triage"]
    assert (triage["category"], triage["severity"]) == (category, "CRITICAL")
    assert triage["correctedBy"] == await me(people["OPS"])
    assert triage["correctedAt"]
    assert triage["needsReview"] is False
    assert (await people["OPS"].execute(documents.GET_TICKET, id=ticket["id"]))["ticket"] == corrected


async def test_of_two_at_once_one_gets_the_conflict_and_what_the_other_made(
    people: dict[str, GraphqlClient], ticket: Json
) -> None:
    asked = {"OPS": "ACCESS", "HR": "BILLING"}
    payloads = await asyncio.gather(*(correct(people[role], ticket, category=one) for role, one in asked.items()))
    told = dict(zip(asked, payloads, strict=True))
    codes = {role: [code for code, _ in user_error_codes(payload)] for role, payload in told.items()}
    assert sorted(codes.values()) == [[], ["VERSION_CONFLICT"]]
    winner, loser = sorted(told, key=lambda role: len(codes[role]))
    assert told[loser]["ticket"]["triage"]["category"] == asked[winner]
    assert (told[loser]["ticket"]["version"], told[winner]["ticket"]["version"]) == (2, 2)
    again = await correct(people[loser], told[loser]["ticket"], category=asked[loser])
    assert (again["userErrors"], again["ticket"]["version"]) == ([], 3)


async def test_the_history_has_the_correction_and_the_last_state_is_the_ticket(
    people: dict[str, GraphqlClient], ticket: Json
) -> None:
    await correct(people["HR"], ticket, priority="P1", comment="wages of jane.doe@example.org are missing")
    versions = (await people["ADMIN"].execute(REPLAY, id=ticket["id"]))["replayChanges"]
    assert [one["version"] for one in versions] == [1, 2]
    assert versions[1]["kind"] == "ticket.triage_corrected"
    assert versions[1]["changedBy"] == await me(people["HR"])
    assert "triage" in {field["name"] for field in versions[1]["fields"]}
    read = (await people["ADMIN"].execute(documents.GET_TICKET, id=ticket["id"]))["ticket"]
    assert versions[1]["state"] == read
    assert "jane.doe" not in str(versions)


async def test_subscribers_are_told_and_a_key_gives_the_first_answer_again(
    people: dict[str, GraphqlClient], ticket: Json
) -> None:
    async with (
        asyncio.timeout(60),
        aclosing(people["VIEWER"].subscribe(documents.WATCH_TICKET, id=ticket["id"])) as told,
    ):
        await following(told)
        one = await correct(people["OPS"], ticket, category="SECURITY", idempotencyKey=f"once-{ticket['id']}")
        seen = await following(told, lambda ticket: bool(ticket["version"] == 2))
    assert seen["triage"]["category"] == "SECURITY"
    assert (seen["body"], seen["reporterEmail"]) == (None, None)
    change = {"ticketId": ticket["id"], "status": "CLOSED", "expectedVersion": 2}
    await people["OPS"].execute(documents.UPDATE_TICKET_STATUS, input=change)
    again = await correct(people["OPS"], ticket, category="SECURITY", idempotencyKey=f"once-{ticket['id']}")
    assert again == one
    other = await correct(people["OPS"], ticket, category="BUG", idempotencyKey=f"once-{ticket['id']}")
    assert user_error_codes(other) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]


async def test_who_may_not_is_refused_and_nothing_changes(
    people: dict[str, GraphqlClient], admin: GraphqlClient, ticket: Json
) -> None:
    asked = {"ticketId": ticket["id"], "expectedVersion": 1, "category": "OTHER"}
    made = await admin.execute(documents.CREATE_API_KEY, input={"name": "corrector", "role": "ADMIN"})
    machine = admin.signed_in(made["createApiKey"]["secret"])
    for client in (people["VIEWER"], machine):
        assert await code_of(client, documents.CORRECT_TRIAGE, input=asked) == "FORBIDDEN"
    assert (await admin.execute(documents.GET_TICKET, id=ticket["id"]))["ticket"]["version"] == 1
    nothing = await correct(admin, ticket)
    assert user_error_codes(nothing) == [("INVALID_INPUT", ())]


async def test_what_is_not_there_is_told(people: dict[str, GraphqlClient]) -> None:
    gone = {"id": to_global_id("Ticket", uuid4()), "version": 1}
    assert [code for code, _ in user_error_codes(await correct(people["OPS"], gone, category="BUG"))] == ["NOT_FOUND"]


async def test_a_correction_is_on_record(people: dict[str, GraphqlClient], ticket: Json) -> None:
    await correct(people["OPS"], ticket, category="QUESTION")
    asked = {"action": "correctTriage", "subject": ticket["id"]}

    async def look() -> list[Json]:
        answer = await people["ADMIN"].execute(documents.AUDIT_LOG, first=10, filter=asked)
        found: list[Json] = answer["auditLog"]["nodes"]
        return found

    (record,) = await eventually(look)
    assert (record["outcome"], record["subject"]) == ("OK", ticket["id"])
    assert record["details"] == {"expected_version": 1, "version": 2}


async def test_a_ticket_that_says_the_same_is_shown_beside_a_new_one(people: dict[str, GraphqlClient]) -> None:
    words = "Invoice export to the warehouse ends with error 4711 since the update of the converter"
    older = await documents.triaged(people["ADMIN"], title=words, body=words)
    newer = await documents.triaged(people["ADMIN"], title=f"{words} again", body=words)
    found = {one["ticketId"]: one for one in newer["triage"]["similar"]}
    assert older["id"] in found
    assert found[older["id"]]["title"] == older["title"]
    assert 0.5 < found[older["id"]]["score"] <= 1
    seen = await first(people["VIEWER"].subscribe(documents.WATCH_TICKET, id=newer["id"]))
    assert seen["triage"]["similar"] == newer["triage"]["similar"]
