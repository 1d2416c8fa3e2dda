"""Removed accounts: their tokens are worth nothing on the next request, and nothing of theirs can bring them back."""

import asyncio
import secrets

from aiops_common.messaging.message import outgoing
from aiops_contracts.auth import Role, UserChanged, UserSnapshot
from aiops_gateway.graphql.ids import uuid_of
from e2e import documents
from e2e.conftest import PASSWORD, Accounts
from support import triage_rows
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of, user_error_codes
from support.stack import RunningStack

TICKET = {"title": "t", "body": "b"}
NODE = "query($id: ID!) { node(id: $id) { id } }"
USERS = "{ users(first: 100) { totalCount nodes { id email } } }"


async def remove(admin: GraphqlClient, user: Json, **values: object) -> Json:
    asked = {"userId": user["id"], "expectedVersion": user["version"], **values}
    payload: Json = (await admin.execute(documents.REMOVE_USER, input=asked))["removeUser"]
    return payload


async def test_a_removed_account_is_out_on_the_next_request_though_its_token_lives_on(accounts: Accounts) -> None:
    somebody, payload = await accounts.sign_up()
    user = await accounts.set_role(payload["user"], "OPS")
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=TICKET) == ""
    assert user_error_codes(await remove(accounts.admin, {**user, "version": 1})) == [
        ("VERSION_CONFLICT", ("expectedVersion",))
    ]
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=TICKET) == ""
    assert (await remove(accounts.admin, user))["userErrors"] == []
    assert await code_of(somebody, documents.TRIAGE_TICKET, input=TICKET) == "UNAUTHENTICATED"
    assert await code_of(somebody, documents.ME) == "UNAUTHENTICATED"
    spent = {"refreshToken": payload["tokens"]["refreshToken"]}
    refreshed = (await accounts.visitor.execute(documents.REFRESH, input=spent))["refreshTokens"]
    assert user_error_codes(refreshed) == [("BAD_CREDENTIALS", ())]
    credentials = {"email": user["email"], "password": PASSWORD}
    logged_in = (await accounts.visitor.execute(documents.LOG_IN, input=credentials))["login"]
    assert user_error_codes(logged_in) == [("BAD_CREDENTIALS", ())]
    assert user_error_codes(await remove(accounts.admin, user)) == [("NOT_FOUND", ("userId",))]


async def test_of_a_removed_account_nothing_personal_is_shown_or_kept(stack: RunningStack, accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    user = payload["user"]
    assert (await remove(accounts.admin, user))["userErrors"] == []
    listed = (await accounts.admin.execute(USERS))["users"]
    assert user["id"] not in [one["id"] for one in listed["nodes"]]
    assert listed["totalCount"] == len(listed["nodes"])
    assert (await accounts.admin.execute(NODE, id=user["id"]))["node"] is None
    async with triage_rows.database(stack) as connection:
        kept = await connection.fetch("SELECT users::text AS row FROM gateway.users WHERE id = $1", _id(user))
        there = await connection.fetchval("SELECT count(*) FROM auth.accounts WHERE id = $1", _id(user))
    assert (len(kept), there) == (1, 0)
    assert user["email"] not in kept[0]["row"]
    assert user["displayName"] not in kept[0]["row"]


async def test_an_older_event_does_not_bring_the_account_back(stack: RunningStack, accounts: Accounts) -> None:
    somebody, payload = await accounts.sign_up()
    user = payload["user"]
    assert (await remove(accounts.admin, user))["userErrors"] == []
    _, other = await accounts.sign_up()
    snapshots = [_snapshot(user, 1), _snapshot(user, 9), _snapshot(other["user"], 2)]
    async with triage_rows.database(stack) as connection:
        for snapshot in snapshots:
            event = outgoing(UserChanged(user=snapshot), exchange="aiops.events", source="aiops/auth")
            await connection.execute(
                "INSERT INTO auth.outbox (id, exchange, routing_key, body, headers) VALUES ($1, $2, $3, $4, '{}')",
                event.id, event.exchange, event.routing_key, event.body,
            )  # fmt: skip

    async def projected() -> bool:
        async with triage_rows.database(stack) as connection:
            found = await connection.fetchval("SELECT version FROM gateway.users WHERE id = $1", _id(other["user"]))
        return bool(found == 2)

    await eventually(projected)
    assert await code_of(somebody, documents.ME) == "UNAUTHENTICATED"
    assert (await accounts.admin.execute(NODE, id=user["id"]))["node"] is None


async def test_the_same_key_removes_once_and_answers_the_same(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    key = secrets.token_hex(8)
    answers = await asyncio.gather(*(remove(accounts.admin, payload["user"], idempotencyKey=key) for _ in range(100)))
    assert answers == [{"userErrors": []}] * 100
    _, other = await accounts.sign_up()
    reused = await remove(accounts.admin, other["user"], idempotencyKey=key)
    assert user_error_codes(reused) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]


async def test_the_same_key_changes_a_role_once_and_answers_the_same(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    change = {
        "userId": payload["user"]["id"], "role": "HR", "expectedVersion": 1, "idempotencyKey": secrets.token_hex(8),
    }  # fmt: skip
    told = await asyncio.gather(*(accounts.admin.execute(documents.SET_USER_ROLE, input=change) for _ in range(100)))
    answers = [one["setUserRole"] for one in told]
    assert answers == [answers[0]] * 100
    assert (answers[0]["userErrors"], answers[0]["user"]["role"], answers[0]["user"]["version"]) == ([], "HR", 2)


async def test_the_last_administrator_stays_and_others_remove_nobody(
    accounts: Accounts, people: dict[str, GraphqlClient]
) -> None:
    me = (await accounts.admin.execute(documents.ME))["me"]
    assert user_error_codes(await remove(accounts.admin, me))[0][0] == "INVALID_INPUT"
    assert (await accounts.admin.execute(documents.ME))["me"] == me
    asked = {"userId": me["id"], "expectedVersion": me["version"]}
    for role in ("OPS", "HR", "VIEWER"):
        assert await code_of(people[role], documents.REMOVE_USER, input=asked) == "FORBIDDEN"
    assert user_error_codes(await remove(accounts.admin, {"id": "x", "version": 1})) == [("NOT_FOUND", ("userId",))]


async def test_signing_up_twice_under_one_key_is_one_account(accounts: Accounts) -> None:
    account = {"email": f"{secrets.token_hex(6)}@example.com", "password": PASSWORD, "displayName": "Somebody"}
    key = secrets.token_hex(8)

    async def sign_up(**values: str) -> Json:
        asked = {**account, "idempotencyKey": key, **values}
        payload: Json = (await accounts.visitor.execute(documents.SIGN_UP, input=asked))["signup"]
        return payload

    first, again = await sign_up(), await sign_up()
    assert (first["userErrors"], again["userErrors"]) == ([], [])
    assert first["user"] == again["user"]
    somebody = {"email": f"{secrets.token_hex(6)}@example.com", "idempotencyKey": secrets.token_hex(8)}
    at_once = await asyncio.gather(*(sign_up(**somebody) for _ in range(100)))
    assert at_once == [at_once[0]] * 100
    assert at_once[0]["userErrors"] == []
    assert (await accounts.visitor.signed_in(again["tokens"]["accessToken"]).execute(documents.ME))["me"]
    # Whoever finds out the key gets nothing without the password, and another person's key is another key.
    guessed = await sign_up(password="another perfectly long passphrase")
    assert user_error_codes(guessed) == [("EMAIL_TAKEN", ("email",))]
    assert guessed["tokens"] is None
    renamed = await sign_up(displayName="Somebody else")
    assert user_error_codes(renamed) == [("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))]
    stranger = await sign_up(email=f"{secrets.token_hex(6)}@example.com")
    assert stranger["userErrors"] == []
    assert stranger["user"]["id"] != first["user"]["id"]


def _snapshot(user: Json, version: int) -> UserSnapshot:
    return UserSnapshot(
        id=_id(user), version=version, email=user["email"], display_name="Back again", role=Role.ADMIN,
        created_at="2026-01-01T00:00:00Z", updated_at="2026-01-01T00:00:00Z",
    )  # fmt: skip


def _id(user: Json) -> object:
    return uuid_of(user["id"], "User")
