"""API keys: a machine gets in with one and does what its role may, until it is revoked; and nobody else finds it."""

import asyncio
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from e2e import documents
from e2e.conftest import Accounts
from support.graphql import GraphqlClient, GraphqlErrors, Json, code_of, user_error_codes
from support.stack import RunningStack
from support.whereabouts import cells, files, sightings

TICKET = {"title": "From a machine", "body": "b"}
NODE = "query($id: ID!) { node(id: $id) { id } }"


async def create(admin: GraphqlClient, role: str = "OPS", **values: object) -> Json:
    asked = {"name": "robot", "role": role, **values}
    payload: Json = (await admin.execute(documents.CREATE_API_KEY, input=asked))["createApiKey"]
    return payload


async def made(admin: GraphqlClient, role: str = "OPS", **values: object) -> tuple[GraphqlClient, Json]:
    """The API as the machine uses it, and the key."""
    payload = await create(admin, role, **values)
    assert payload["userErrors"] == []
    return admin.signed_in(payload["secret"]), payload["apiKey"]


async def revoke(admin: GraphqlClient, key: Json, **values: object) -> Json:
    asked = {"apiKeyId": key["id"], "expectedVersion": key["version"], **values}
    payload: Json = (await admin.execute(documents.REVOKE_API_KEY, input=asked))["revokeApiKey"]
    return payload


def key_digest(secret: str) -> str:
    """As events carry it."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def test_a_machine_does_what_its_role_may_and_is_nobody(admin: GraphqlClient) -> None:
    machine, key = await made(admin)
    assert (await machine.execute(documents.ME))["me"] is None
    ticket = await documents.triaged(machine, **TICKET)
    assert ticket["state"] == "SUCCEEDED"
    assert await code_of(machine, "{ users { nodes { id } } }") == "FORBIDDEN"
    assert (key["name"], key["role"], key["version"], key["revokedAt"]) == ("robot", "OPS", 1, None)


async def test_the_secret_is_shown_once_and_is_nowhere_afterwards(stack: RunningStack, admin: GraphqlClient) -> None:
    payload = await create(admin, idempotencyKey=secrets.token_hex(8))
    secret = payload["secret"]
    assert len(secret) == len("aiops_") + 43
    machine = admin.signed_in(secret)
    await documents.triaged(machine, **TICKET)
    assert (await revoke(admin, payload["apiKey"]))["userErrors"] == []
    assert await code_of(machine, documents.ME) == "UNAUTHENTICATED"
    listed = await admin.execute(documents.API_KEYS, first=100)
    audited = await admin.execute(documents.AUDIT_LOG, first=100)
    assert secret not in f"{listed}{audited}"
    places = [*files(stack), *[cell async for cell in cells(stack)]]
    assert sightings({"digest": key_digest(secret)}, places), "the digest is stored, so everything was looked at"
    assert sightings({"secret": secret, "half of it": secret[6:26]}, places) == set()


async def test_a_revoked_key_is_refused_on_the_next_request(admin: GraphqlClient) -> None:
    machine, key = await made(admin)
    assert await code_of(machine, documents.TRIAGE_TICKET, input=TICKET) == ""
    conflict = await revoke(admin, {**key, "version": 7})
    assert user_error_codes(conflict) == [("VERSION_CONFLICT", ("expectedVersion",))]
    assert conflict["apiKey"]["version"] == 1
    answer = await revoke(admin, key)
    assert (answer["userErrors"], answer["apiKey"]["version"]) == ([], 2)
    assert answer["apiKey"]["revokedAt"]
    assert await code_of(machine, documents.TRIAGE_TICKET, input=TICKET) == "UNAUTHENTICATED"
    assert (await revoke(admin, answer["apiKey"]))["userErrors"] == []
    assert user_error_codes(await revoke(admin, {"id": "x", "version": 1})) == [("NOT_FOUND", ("apiKeyId",))]
    user_id = (await admin.execute(documents.ME))["me"]["id"]
    assert user_error_codes(await revoke(admin, {"id": user_id, "version": 1})) == [("NOT_FOUND", ("apiKeyId",))]


async def test_a_key_that_is_nearly_right_is_refused_in_the_same_words(admin: GraphqlClient) -> None:
    payload = await create(admin)
    secret = payload["secret"]
    messages = set()
    for wrong in (
        secret[:-1] + ("A" if secret[-1] != "A" else "B"), secret[:-1], secret + "A", secret.lower() + "_",
        "aiops_", f"aiops_{secrets.token_urlsafe(32)}", "aiops_' OR 1=1 --",
    ):  # fmt: skip
        with pytest.raises(GraphqlErrors) as refused:
            await admin.signed_in(wrong).execute(documents.ME)
        assert refused.value.code == "UNAUTHENTICATED"
        messages.add(str(refused.value))
    assert len(messages) == 1
    assert await code_of(admin.signed_in(secret.removeprefix("aiops_")), documents.ME) == "UNAUTHENTICATED"


async def test_only_people_who_are_administrators_make_and_see_keys(
    people: dict[str, GraphqlClient], admin: GraphqlClient
) -> None:
    _, key = await made(admin)
    asked = {"name": "mine", "role": "ADMIN"}
    given_back = {"apiKeyId": key["id"], "expectedVersion": 1}
    for role in ("OPS", "HR", "VIEWER"):
        assert await code_of(people[role], documents.CREATE_API_KEY, input=asked) == "FORBIDDEN"
        assert await code_of(people[role], documents.REVOKE_API_KEY, input=given_back) == "FORBIDDEN"
        assert await code_of(people[role], documents.API_KEYS) == "FORBIDDEN"
        assert (await people[role].execute(NODE, id=key["id"]))["node"] is None
    assert (await admin.execute(NODE, id=key["id"]))["node"] == {"id": key["id"]}


async def test_a_machine_that_is_administrator_makes_no_keys_and_shuts_nobody_out(
    admin: GraphqlClient, accounts: Accounts
) -> None:
    machine, key = await made(admin, "ADMIN")
    _, payload = await accounts.sign_up()
    user = {"userId": payload["user"]["id"], "expectedVersion": 1}
    assert await code_of(machine, documents.API_KEYS) == ""
    refused = [
        await code_of(machine, documents.CREATE_API_KEY, input={"name": "another", "role": "ADMIN"}),
        await code_of(machine, documents.REVOKE_API_KEY, input={"apiKeyId": key["id"], "expectedVersion": 1}),
        await code_of(machine, documents.REMOVE_USER, input=user),
        await code_of(machine, documents.SET_USER_ROLE, input={**user, "role": "ADMIN"}),
    ]
    assert refused == ["FORBIDDEN"] * 4
    with pytest.raises(GraphqlErrors, match="for people only"):
        await machine.execute(documents.CREATE_API_KEY, input={"name": "another", "role": "ADMIN"})


async def test_a_hundred_equal_requests_make_one_key_and_give_equal_answers(admin: GraphqlClient) -> None:
    key, name = secrets.token_hex(8), f"robot {secrets.token_hex(4)}"
    answers = await asyncio.gather(*(create(admin, name=name, idempotencyKey=key) for _ in range(100)))
    assert answers == [answers[0]] * 100
    assert answers[0]["userErrors"] == []
    listed = (await admin.execute(documents.API_KEYS, first=100))["apiKeys"]["nodes"]
    assert [one["id"] for one in listed if one["name"] == name] == [answers[0]["apiKey"]["id"]]
    reused = await create(admin, name=f"{name}!", idempotencyKey=key)
    assert user_error_codes(reused) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]
    assert reused["secret"] is None


async def test_a_hundred_equal_revocations_are_one(admin: GraphqlClient) -> None:
    _, key = await made(admin)
    once = secrets.token_hex(8)
    answers = await asyncio.gather(*(revoke(admin, key, idempotencyKey=once) for _ in range(100)))
    assert answers == [answers[0]] * 100
    assert (answers[0]["userErrors"], answers[0]["apiKey"]["version"]) == ([], 2)


async def test_a_key_ends_when_it_was_to_end(admin: GraphqlClient) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    machine, key = await made(admin, expiresAt=soon.isoformat())
    assert datetime.fromisoformat(key["expiresAt"]) == soon
    assert await code_of(machine, documents.ME) == ""
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert user_error_codes(await create(admin, expiresAt=past)) == [("INVALID_INPUT", ("expiresAt",))]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, ("name",)),
        ({"name": "x" * 101}, ("name",)),
        ({"name": "a\0b"}, ("name",)),
        ({"idempotencyKey": ""}, ("idempotencyKey",)),
        ({"expiresAt": "2030-01-01T00:00:00"}, ("expiresAt",)),
    ],
)
async def test_a_mistake_is_told_with_its_field(
    admin: GraphqlClient, values: dict[str, str], field: tuple[str, ...]
) -> None:
    payload = await create(admin, **values)
    assert user_error_codes(payload) == [("INVALID_INPUT", field)]
    assert (payload["apiKey"], payload["secret"]) == (None, None)


async def test_keys_are_listed_newest_first_in_pages(admin: GraphqlClient) -> None:
    keys = [(await made(admin))[1]["id"] for _ in range(3)]
    page = (await admin.execute(documents.API_KEYS, first=2))["apiKeys"]
    assert [one["id"] for one in page["nodes"]] == [keys[2], keys[1]]
    following = await admin.execute(documents.API_KEYS, first=1, after=page["pageInfo"]["endCursor"])
    assert [one["id"] for one in following["apiKeys"]["nodes"]] == [keys[0]]
    me = (await admin.execute(documents.ME))["me"]["id"]
    assert {one["createdBy"] for one in page["nodes"]} == {me}
