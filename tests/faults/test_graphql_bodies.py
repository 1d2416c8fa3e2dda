"""Requests that are no requests, too large, or sent in ways that a foreign page could: refused, in flat memory."""

import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest

from aiops_common.postgres import Pool
from support.graphql import GraphqlClient, Json, post
from support.lone_gateway import MEGABYTE, LoneGateway, lone_gateway

MUTATION = 'mutation { triageTicket(input: {title: "t", body: "sent unasked"}) { ticket { id } userErrors { code } } }'
ME = "query($x: Boolean = true) { me { id @include(if: $x) } }"


@pytest.fixture(autouse=True)
def whole() -> None:
    """One gateway and its database are all that these tests need."""


@pytest.fixture(scope="module")
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"]) as running:
        yield running


@pytest.fixture(scope="module")
async def admin(gateway: LoneGateway) -> GraphqlClient:
    return gateway.client(await gateway.sign_up())


def _megabytes(count: int, head: bytes, tail: bytes) -> Iterator[bytes]:
    yield head
    for _ in range(count):
        yield b"x" * MEGABYTE
    yield tail


async def _slowly(count: int, head: bytes, tail: bytes) -> AsyncIterator[bytes]:
    for part in _megabytes(count, head, tail):
        yield part


async def _status(client: GraphqlClient, content: object) -> int:
    try:
        return (await post(client, content)).status_code
    except (httpx.WriteError, httpx.ReadError):
        return 413  # it hung up while the rest was still on its way


BODIES: dict[str, tuple[object, int]] = {
    "a batch": ([{"query": "{ me { id } }"}] * 1000, 400),
    "an empty batch": ([], 400),
    "variables as a list": ({"query": ME, "variables": [1] * 1000}, 400),
    "variables as text": ({"query": ME, "variables": "{}"}, 400),
    "deep variables": (b'{"query": "{ me { id } }", "variables": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, 400),
    "deep lists": (b'{"query": "{ me { id } }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", 400),
    "a number of 6,000 digits": (b'{"query": "{ me { id } }", "variables": {"x": ' + b"9" * 6000 + b"}}", 400),
    "deep extensions": (b'{"query": "{ me { id } }", "extensions": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, 400),
    "a query of 50 MB": (b'{"query": "' + b"x" * 50 * MEGABYTE + b'"}', 413),
    "variables of 50 MB": (b'{"query": "{ me { id } }", "variables": {"x": "' + b"x" * 50 * MEGABYTE + b'"}}', 413),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES.keys())
async def test_what_is_no_request_is_refused(admin: GraphqlClient, body: object, status: int) -> None:
    assert await _status(admin, body) == status


async def test_large_bodies_leave_no_memory_behind(gateway: LoneGateway, admin: GraphqlClient) -> None:
    head, tail = b'{"query": "{ me { id } }", "variables": {"x": "', b'"}}'
    assert await _status(admin, _slowly(9, head, tail)) == 413
    before = gateway.resident
    for _ in range(2):
        assert await _status(admin, _slowly(50, head, tail)) == 413
        for body, status in BODIES.values():
            assert await _status(admin, body) == status
    grown = (gateway.resident - before) / MEGABYTE
    assert grown < 40, f"{grown:.1f} MB more after {2 * (len(BODIES) + 1)} bodies of up to 50 MB"


async def test_many_and_large_variables_that_nobody_asked_for_are_left_alone(admin: GraphqlClient) -> None:
    answer = await admin.execute(ME, **{f"x{i}": "x" * 100 for i in range(20_000)}, x=True)
    assert answer["me"]["id"]
    # Deep, but not too deep to be read: there is no input that it would fit.
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    refused = (await post(admin, {"query": ME, "variables": {"x": deep}})).json()
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


COMMITS = "mutation($i: GenerateChangelogInput!) { generateChangelog(input: $i) { userErrors { code } } }"


def _commits(count: int) -> bytes:
    values = {"i": {"project": "p", "commits": [{"message": "a"}] * count}}
    return json.dumps({"query": COMMITS, "variables": values}, separators=(",", ":")).encode()


@pytest.mark.parametrize(("token", "code"), [("", "LIMIT_EXCEEDED"), ("Bearer nonsense", "UNAUTHENTICATED")])
async def test_a_large_body_is_read_of_nobody_who_is_not_logged_in(gateway: LoneGateway, token: str, code: str) -> None:
    body = _commits(500_000)

    async def unannounced() -> AsyncIterator[bytes]:
        yield _commits(1)

    headers = {"Content-Type": "application/json"} | ({"Authorization": token} if token else {})
    async with httpx.AsyncClient(timeout=60, trust_env=False, headers=headers) as http:
        for content in (body, unannounced()):
            refused = await http.post(gateway.url, content=content)
            assert refused.status_code == 413
            assert refused.json()["errors"][0]["extensions"]["code"] == code
        small = await http.post(gateway.url, content=_commits(1))
        assert small.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_who_is_logged_in_may_send_a_body_of_any_kind(admin: GraphqlClient) -> None:
    async def unannounced() -> AsyncIterator[bytes]:
        yield _commits(1)

    for content in (unannounced(), _commits(10_000)):
        answer = (await post(admin, content)).json()
        assert answer == {"data": {"generateChangelog": {"userErrors": []}}}
    many = (await post(admin, _commits(200_000))).json()
    assert many["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
        "",
    ],
)
async def test_a_mutation_that_a_page_could_send_unasked_is_refused(
    admin: GraphqlClient, gateway: LoneGateway, content_type: str
) -> None:
    for content in (json.dumps({"query": MUTATION}).encode(), urlencode({"query": MUTATION}).encode()):
        response = await post(admin, content, **{"Content-Type": content_type})
        assert response.status_code in (400, 415)
        assert "data" not in response.json()
    assert await _tickets(admin) == 0


async def test_a_mutation_by_get_is_refused(admin: GraphqlClient) -> None:
    headers = {"Authorization": f"Bearer {admin.token}"}
    two = "query Harmless { me { id } } " + MUTATION.replace("mutation", "mutation Harmful")
    async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
        for parameters in ({"query": MUTATION}, {"query": two, "operationName": "Harmful"}):
            response = await http.get(admin.url, params=parameters)
            assert response.status_code == 405
            assert "data" not in response.json()
    assert await _tickets(admin) == 0


async def _tickets(client: GraphqlClient) -> int:
    found = await client.execute('{ tickets(filter: {text: "sent unasked"}) { totalCount } }')
    total: int = found["tickets"]["totalCount"]
    return total


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE tickets; --",
        "1' OR '1'='1",
        "$1 %s {0} \\'; SELECT pg_sleep(9)",
        "%_\\%\\_",
        "\\x00' || (SELECT 1)",
    ],
)
async def test_sql_is_text_like_any_other(admin: GraphqlClient, text: str) -> None:
    document = """mutation($input: TriageTicketInput!) {
      triageTicket(input: $input) { ticket { id title source body } userErrors { code } }
    }"""
    values = {"title": text, "body": text, "source": text, "idempotencyKey": text}
    made: Json = (await admin.execute(document, input=values))["triageTicket"]
    assert made["userErrors"] == []
    kept: Json = await admin.execute(
        "query($id: ID!) { ticket(id: $id) { id title source body } }", id=made["ticket"]["id"]
    )
    assert (kept["ticket"]["title"], kept["ticket"]["source"], kept["ticket"]["body"]) == (text, text, text)
    filtered = await admin.execute("query($f: TicketFilter) { tickets(filter: $f) { nodes { id } } }", f={"text": text})
    assert [one["id"] for one in filtered["tickets"]["nodes"]] == [kept["ticket"]["id"]]
    refused = await post(admin, {"query": "query($id: ID!) { ticket(id: $id) { id } }", "variables": {"id": text}})
    assert refused.json()["data"] == {"ticket": None}


async def test_a_fault_is_masked_and_has_a_number(gateway: LoneGateway, admin: GraphqlClient) -> None:
    async with gateway.pool.transaction() as connection:
        await connection.execute("ALTER TABLE tickets RENAME TO tickets_gone")
    try:
        answer = (await post(admin, {"query": "{ tickets { nodes { id } } }"})).json()
    finally:
        async with gateway.pool.transaction() as connection:
            await connection.execute("ALTER TABLE tickets_gone RENAME TO tickets")
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    number = error["extensions"]["correlationId"]
    assert UUID(number)
    assert "tickets_gone" not in str(answer)
    assert "does not exist" not in str(answer)
    assert number in gateway.log.read_text()
