"""A changelog from its draft to its publication: who may do what with it, in which order, and what others see of it."""

import asyncio
from contextlib import aclosing
from uuid import uuid4

import pytest

from e2e import documents
from support.graphql import GraphqlClient, Json, code_of, following, user_error_codes

COMMITS = [
    {"message": "feat(api): add paging to lists (#12)", "hash": "a1b2c3d", "author": "Ann"},
    {"message": "fix: wrong total on the invoice", "hash": "b1b2c3d"},
    {"message": "wip", "hash": "f1b2c3d"},
]
MUTATIONS = {
    "editChangelog": documents.EDIT_CHANGELOG,
    "approveChangelog": documents.APPROVE_CHANGELOG,
    "publishChangelog": documents.PUBLISH_CHANGELOG,
    "reopenChangelog": documents.REOPEN_CHANGELOG,
}
REPLAY = "query($id: ID!) { replayChanges(changelogId: $id) { version kind changedBy fields { name } state } }"
LISTED = "query($f: ChangelogFilter) { changelogs(first: 100, filter: $f) { nodes { id status } } }"


@pytest.fixture
async def draft(people: dict[str, GraphqlClient]) -> Json:
    drafted = await documents.drafted(
        people["OPS"], project=f"shop-{uuid4().hex[:8]}", release="1.4.0", commits=COMMITS
    )
    assert (drafted["status"], drafted["version"], drafted["approvedBy"]) == ("DRAFT", 1, None)
    return drafted


async def ask(client: GraphqlClient, operation: str, changelog: Json, **values: object) -> Json:
    asked = {"changelogId": changelog["id"], "expectedVersion": changelog["version"], **values}
    payload: Json = (await client.execute(MUTATIONS[operation], input=asked))[operation]
    return payload


async def done(client: GraphqlClient, operation: str, changelog: Json, **values: object) -> Json:
    payload = await ask(client, operation, changelog, **values)
    assert payload["userErrors"] == []
    after: Json = payload["changelog"]
    assert after["version"] == changelog["version"] + 1
    return after


def entries(changelog: Json) -> dict[str, list[Json]]:
    """Section → its entries; those that are in none under their own names."""
    sections = {section["section"]: section["entries"] for section in changelog["sections"]}
    return {**sections, "needsReview": changelog["needsReview"], "reverted": changelog["reverted"]}


def is_vague(entry: Json) -> bool:
    """Whether it is the commit that does not say what it changes, wherever it was put."""
    return any(str(commit).startswith("f1b2c3d") for commit in entry["commits"])


async def me(client: GraphqlClient) -> str:
    return str((await client.execute(documents.ME))["me"]["id"])


async def test_from_the_draft_to_the_publication(people: dict[str, GraphqlClient], draft: Json) -> None:
    ops = people["OPS"]
    ids = {entry["entryId"] for told in entries(draft).values() for entry in told}
    assert len(ids) == 3
    assert None not in ids
    added = entries(draft)["ADDED"][0]
    place, moved = next((place, one) for place, told in entries(draft).items() for one in told if is_vague(one))
    edits = [
        {"entryId": added["entryId"], "text": "Lists have pages, ask bob@example.com"},
        {"entryId": moved["entryId"], "section": "CHANGED", "text": "Faster start"},
    ]
    edited = await done(ops, "editChangelog", draft, entries=edits, release="1.5.0", summary="A calm release.")
    assert (edited["release"], edited["summary"], edited["status"]) == ("1.5.0", "A calm release.", "DRAFT")
    assert entries(edited)["ADDED"][0]["text"] == "Lists have pages, ask <EMAIL_1>"
    assert entries(edited)["ADDED"][0]["entryId"] == added["entryId"]
    assert [one["text"] for one in entries(edited)["CHANGED"]] == ["Faster start"]
    assert moved["entryId"] not in {one["entryId"] for one in entries(edited).get(place, ())}
    assert "Faster start" in edited["markdown"]
    approved = await done(people["ADMIN"], "approveChangelog", edited)
    assert (approved["status"], approved["approvedBy"]) == ("APPROVED", await me(people["ADMIN"]))
    published = await done(ops, "publishChangelog", approved)
    assert (published["status"], published["publishedBy"]) == ("PUBLISHED", await me(ops))
    assert (published["approvedBy"], published["markdown"]) == (approved["approvedBy"], edited["markdown"])
    read = (await people["VIEWER"].execute(documents.GET_CHANGELOG, id=draft["id"]))["changelog"]
    assert read == published


async def test_of_two_editors_at_once_one_gets_the_conflict_and_what_the_other_wrote(
    people: dict[str, GraphqlClient], draft: Json
) -> None:
    payloads = await asyncio.gather(
        ask(people["OPS"], "editChangelog", draft, release="2.0.0"),
        ask(people["ADMIN"], "editChangelog", draft, release="3.0.0"),
    )
    codes = sorted(user_error_codes(payload) for payload in payloads)
    assert codes == [[], [("VERSION_CONFLICT", ("expectedVersion",))]]
    assert payloads[0]["changelog"] == payloads[1]["changelog"]
    assert payloads[0]["changelog"]["version"] == 2
    stale = await ask(people["OPS"], "approveChangelog", draft)
    assert user_error_codes(stale) == [("VERSION_CONFLICT", ("expectedVersion",))]


async def test_each_status_has_its_ways(people: dict[str, GraphqlClient], draft: Json) -> None:
    ops = people["OPS"]

    async def refused(operation: str, changelog: Json, **values: object) -> None:
        payload = await ask(ops, operation, changelog, **values)
        assert user_error_codes(payload) == [("INVALID_TRANSITION", ("changelogId",))]
        assert payload["changelog"] == changelog

    await refused("publishChangelog", draft)
    approved = await done(ops, "approveChangelog", draft)
    await refused("editChangelog", approved, release="2.0.0")
    reopened = await done(ops, "reopenChangelog", approved)
    assert (reopened["status"], reopened["approvedBy"]) == ("DRAFT", None)
    edited = await done(ops, "editChangelog", reopened, release="2.0.0")
    published = await done(ops, "publishChangelog", await done(ops, "approveChangelog", edited))
    for operation in ("reopenChangelog", "approveChangelog"):
        await refused(operation, published)
    await refused("editChangelog", published, summary="too late")


async def test_all_edits_take_effect_or_none(people: dict[str, GraphqlClient], draft: Json) -> None:
    known = entries(draft)["ADDED"][0]["entryId"]
    edits = [{"entryId": known, "text": "changed"}, {"entryId": "no-such-entry", "text": "x"}]
    payload = await ask(people["OPS"], "editChangelog", draft, entries=edits)
    assert user_error_codes(payload) == [("NOT_FOUND", ("entries", "1", "entryId"))]
    assert (await people["OPS"].execute(documents.GET_CHANGELOG, id=draft["id"]))["changelog"] == draft
    nothing = await ask(people["OPS"], "editChangelog", draft)
    assert user_error_codes(nothing) == [("INVALID_INPUT", ())]


async def test_who_may_not_is_refused(people: dict[str, GraphqlClient], admin: GraphqlClient, draft: Json) -> None:
    made = await admin.execute(documents.CREATE_API_KEY, input={"name": "pipeline", "role": "OPS"})
    machine = admin.signed_in(made["createApiKey"]["secret"])
    asked = {"changelogId": draft["id"], "expectedVersion": 1}
    for operation, document in MUTATIONS.items():
        for role in ("HR", "VIEWER"):
            assert await code_of(people[role], document, input=asked) == "FORBIDDEN", (role, operation)
    for operation in ("approveChangelog", "publishChangelog"):
        assert await code_of(machine, MUTATIONS[operation], input=asked) == "FORBIDDEN"
    # What can be undone is for machines too.
    assert (await done(machine, "editChangelog", draft, release="9.0.0"))["release"] == "9.0.0"


async def test_subscribers_lists_and_the_history_follow(people: dict[str, GraphqlClient], draft: Json) -> None:
    ops, viewer = people["OPS"], people["VIEWER"]
    async with asyncio.timeout(60), aclosing(viewer.subscribe(documents.WATCH_CHANGELOG, id=draft["id"])) as told:
        await following(told)
        edited = await done(ops, "editChangelog", draft, summary="A calm release.")
        assert await following(told, lambda one: bool(one["version"] == 2)) == edited
        approved = await done(ops, "approveChangelog", edited)
        assert await following(told, lambda one: bool(one["version"] == 3)) == approved
    for status, wanted in (("APPROVED", True), ("DRAFT", False), ("PUBLISHED", False)):
        found = await viewer.execute(LISTED, f={"project": draft["project"], "status": status})
        assert [one["id"] for one in found["changelogs"]["nodes"]] == [draft["id"]] * wanted
    versions = (await viewer.execute(REPLAY, id=draft["id"]))["replayChanges"]
    assert [one["kind"] for one in versions] == ["changelog.generated", "changelog.edited", "changelog.status_changed"]
    assert [one["changedBy"] for one in versions[1:]] == [await me(ops)] * 2
    assert "summary" in {field["name"] for field in versions[1]["fields"]}
    last = versions[-1]["state"]
    same = ("id", "version", "status", "summary", "approvedBy", "approvedAt", "markdown", "release")
    assert {name: last[name] for name in same} == {name: approved[name] for name in same}
    shown = [entry["entryId"] for section in last["sections"] for entry in section["entries"]]
    assert shown == [entry["entryId"] for section in approved["sections"] for entry in section["entries"]]


async def test_a_key_gives_the_first_answer_again(people: dict[str, GraphqlClient], draft: Json) -> None:
    ops, key = people["OPS"], f"once-{draft['id']}"
    first = await ask(ops, "editChangelog", draft, summary="One.", idempotencyKey=key)
    await done(ops, "editChangelog", first["changelog"], summary="Two.")
    assert await ask(ops, "editChangelog", draft, summary="One.", idempotencyKey=key) == first
    other = await ask(ops, "editChangelog", draft, summary="Three.", idempotencyKey=key)
    assert user_error_codes(other) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]


async def test_each_step_is_on_record(people: dict[str, GraphqlClient], draft: Json) -> None:
    await done(people["OPS"], "approveChangelog", await done(people["OPS"], "editChangelog", draft, release="2.0.0"))
    await ask(people["OPS"], "publishChangelog", draft)
    answer = await people["ADMIN"].execute(documents.AUDIT_LOG, first=10, filter={"subject": draft["id"]})
    told = [(one["action"], one["outcome"], one["subject"]) for one in answer["auditLog"]["nodes"]]
    assert told == [
        ("publishChangelog", "VERSION_CONFLICT", draft["id"]),
        ("approveChangelog", "OK", draft["id"]),
        ("editChangelog", "OK", draft["id"]),
    ]
