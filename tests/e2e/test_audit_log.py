"""The audit log: who did what to whom is there for administrators, whoever tried, and never with a secret."""

import secrets
from datetime import datetime

import pytest

from e2e import documents
from e2e.conftest import PASSWORD, Accounts
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of
from support.stack import RunningStack


async def read(admin: GraphqlClient, **condition: object) -> list[Json]:
    """The newest hundred records that meet the condition."""
    answer = await admin.execute(documents.AUDIT_LOG, first=100, filter=condition)
    nodes: list[Json] = answer["auditLog"]["nodes"]
    return nodes


async def recorded(admin: GraphqlClient, count: int, **condition: object) -> list[Json]:
    """So many records, once auth's have been told."""

    async def look() -> list[Json] | None:
        found = await read(admin, **condition)
        return found if len(found) >= count else None

    return await eventually(look)


async def test_what_happens_to_an_account_is_on_record_by_whom(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    user = await accounts.set_role(payload["user"], "HR")
    wrong = {"email": user["email"], "password": "not the right passphrase"}
    await accounts.visitor.execute(documents.LOG_IN, input=wrong)
    await accounts.visitor.execute(documents.LOG_IN, input={**wrong, "password": PASSWORD})
    asked = {"userId": user["id"], "expectedVersion": user["version"]}
    await accounts.admin.execute(documents.REMOVE_USER, input=asked)
    found = await recorded(accounts.admin, 5, subject=user["id"])
    told = [(one["action"], one["outcome"]) for one in reversed(found)]
    assert told == [
        ("account.signed_up", "OK"),
        ("account.role_changed", "OK"),
        ("session.logged_in", "BAD_CREDENTIALS"),
        ("session.logged_in", "OK"),
        ("account.removed", "OK"),
    ]
    me = (await accounts.admin.execute(documents.ME))["me"]["id"]
    assert {one["subject"] for one in found} == {user["id"]}
    assert all(one["address"] for one in found)
    assert all(len(one["traceId"]) == 32 for one in found)
    by_admin = [one["action"] for one in await read(accounts.admin, subject=user["id"], actor=me)]
    assert by_admin == ["account.removed", "account.role_changed"]
    assert [one["actor"].partition(":")[0] for one in reversed(found)] == [
        "user", "user", "anonymous", "user", "user",
    ]  # fmt: skip
    for secret in (PASSWORD, user["email"], user["displayName"]):
        assert secret not in str(found)


async def test_a_role_change_is_one_record_and_not_two(accounts: Accounts) -> None:
    _, payload = await accounts.sign_up()
    await accounts.set_role(payload["user"], "OPS")
    await recorded(accounts.admin, 2, subject=payload["user"]["id"])
    assert [one["action"] for one in await read(accounts.admin, subject=payload["user"]["id"])] == [
        "account.role_changed", "account.signed_up",
    ]  # fmt: skip
    assert await read(accounts.admin, subject=payload["user"]["id"], action="setUserRole") == []


async def test_refusals_are_on_record_and_cannot_flood_it(accounts: Accounts) -> None:
    somebody, payload = await accounts.sign_up()
    me = payload["user"]["id"]
    change = {"userId": me, "role": "ADMIN", "expectedVersion": 1}
    for _ in range(20):
        assert await code_of(somebody, documents.SET_USER_ROLE, input=change) == "FORBIDDEN"
        assert await code_of(somebody, documents.AUDIT_LOG) == "FORBIDDEN"
    found = await read(accounts.admin, actor=me, outcome="FORBIDDEN")
    assert {one["action"] for one in found} == {"setUserRole", "auditLog"}
    assert len(found) <= 4  # the minute may have turned once
    assert {one["details"]["role"] for one in found} == {"VIEWER"}


async def test_only_administrators_read_it_and_reading_is_on_record(
    people: dict[str, GraphqlClient], stack: RunningStack
) -> None:
    for role in ("OPS", "HR", "VIEWER"):
        assert await code_of(people[role], documents.AUDIT_LOG) == "FORBIDDEN"
    assert await code_of(stack.visitor, documents.AUDIT_LOG) == "UNAUTHENTICATED"
    admin = people["ADMIN"]
    await read(admin, outcome="NOTHING_HAS_THIS")
    (newest, *_) = await read(admin, action="auditLog", outcome="READ")
    assert newest["details"]["of_outcome"] == "NOTHING_HAS_THIS"
    assert newest["details"]["rows"] == 0


async def test_pages_lead_through_all_of_it_newest_first(accounts: Accounts) -> None:
    for _ in range(3):
        await accounts.sign_up()
    await recorded(accounts.admin, 3, action="account.signed_up")
    seen: list[Json] = []
    after, more = None, True
    while more:
        answer = await accounts.admin.execute(
            documents.AUDIT_LOG, first=2, after=after, filter={"action": "account.signed_up"}
        )
        page = answer["auditLog"]
        seen += page["nodes"]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert page["totalCount"] >= 3
    assert len({one["id"] for one in seen}) == len(seen) == page["totalCount"]
    times = [datetime.fromisoformat(one["at"]) for one in seen]
    assert times == sorted(times, reverse=True)
    since = await read(accounts.admin, action="account.signed_up", since=seen[1]["at"])
    assert [one["id"] for one in since] == [one["id"] for one in seen[:2]]
    until = await read(accounts.admin, action="account.signed_up", until=seen[1]["at"])
    assert [one["id"] for one in until] == [one["id"] for one in seen[2:]]


@pytest.mark.parametrize(
    ("condition", "name"),
    [
        ({"action": "'; DROP TABLE audit_log --"}, "filter.action"),
        ({"outcome": "jane.doe@example.org"}, "filter.outcome"),
        ({"actor": "jane.doe@example.org"}, "filter.actor"),
        ({"subject": "nonsense"}, "filter.subject"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "filter.since"),
        ({"until": "2026-01-01T00:00:00"}, "filter.until"),
    ],
)
async def test_what_no_record_can_have_is_refused_and_not_recorded(
    admin: GraphqlClient, condition: dict[str, str], name: str
) -> None:
    assert await code_of(admin, documents.AUDIT_LOG, filter=condition) == "BAD_USER_INPUT"
    reads = await read(admin, action="auditLog")
    assert next(iter(condition.values())) not in str([one["details"] for one in reads])


async def test_machines_are_named_by_their_keys(admin: GraphqlClient) -> None:
    asked = {"name": "auditor", "role": "ADMIN", "idempotencyKey": secrets.token_hex(8)}
    payload = (await admin.execute(documents.CREATE_API_KEY, input=asked))["createApiKey"]
    machine, key = admin.signed_in(payload["secret"]), payload["apiKey"]
    await read(machine)
    await code_of(machine, documents.CREATE_API_KEY, input=asked)
    found = await recorded(admin, 2, actor=key["id"])
    assert {(one["action"], one["outcome"]) for one in found} == {("auditLog", "READ"), ("createApiKey", "FORBIDDEN")}
    assert all(one["actor"].startswith("key:") for one in found)
    await recorded(admin, 1, action="api_key.created", subject=key["id"])
    assert payload["secret"] not in str(await read(admin))
