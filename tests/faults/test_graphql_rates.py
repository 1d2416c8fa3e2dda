"""Clients that come too often, stay too long or bring too many: told when to come again, while others are served."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from aiops_common.postgres import Pool
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, post
from support.lone_gateway import LoneGateway, lone_gateway

ME = "{ me { id } }"
LOGIN = """mutation($input: LoginInput!) {
  login(input: $input) { tokens { accessToken } userErrors { code message } }
}"""
SOMEBODY = {"email": "a@example.com", "password": "a perfectly long passphrase"}
BURST = 20


@pytest.fixture(autouse=True)
def whole() -> None:
    """One gateway and its database are all that these tests need."""


@pytest.fixture(scope="module")
async def gateway(pools: dict[str, Pool], service_database_urls: dict[str, str]) -> AsyncIterator[LoneGateway]:
    """As an operator would set it, but for smaller numbers; whoever asks is believed to stand behind a proxy."""
    limits: dict[str, Any] = {
        "requests_per_second": 0.05,
        "address_requests_per_second": 0.1,
        "request_burst_seconds": 400,  # 20 and 40 at once
        "sign_ins_per_minute": 1,
        "sign_in_burst": 3,
        "request_seconds": 0.2,
        "operation_seconds": 1,
        "subscriptions_per_connection": 3,
        "connections_per_principal": 2,
        "connections_per_address": 4,
        "websocket_init_seconds": 1,
        "websocket_message_bytes": 2000,
        "trusted_proxies": '["127.0.0.1"]',
    }
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"], **limits) as running:
        yield running


def _from(address: str) -> dict[str, str]:
    # The first is what the client says of itself; the last is what the proxy has seen.
    return {"X-Forwarded-For": f"10.9.8.7, {address}"}


async def _ask(client: GraphqlClient, address: str, document: str = ME) -> httpx.Response:
    return await post(client, {"query": document}, **_from(address))


def _is_refusal(response: httpx.Response) -> bool:
    if response.status_code != 429:
        return False
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED"}
    assert f"try again in {response.headers['retry-after']} s" in error["message"]
    return 1 <= int(response.headers["retry-after"]) <= 60


async def test_an_account_has_one_limit_wherever_it_comes_from(gateway: LoneGateway) -> None:
    user = await gateway.sign_up()
    busy, other = gateway.client(user), gateway.client(await gateway.sign_up())
    for number in range(BURST):
        assert (await _ask(busy, f"192.0.2.{number}")).json()["data"]["me"]
    refused = await _ask(busy, "192.0.2.200")
    assert _is_refusal(refused)
    assert "this account" in refused.text
    assert (await _ask(other, "192.0.2.200")).json()["data"]["me"]
    another_token = gateway.client(user)
    assert another_token.token != busy.token
    assert _is_refusal(await _ask(another_token, "192.0.2.201"))


async def test_an_address_has_one_limit_whoever_it_says_it_is(gateway: LoneGateway) -> None:
    visitor = GraphqlClient(gateway.url)
    for number in range(2 * BURST):
        headers = {"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.7", "X-Real-IP": f"203.0.113.{number}"}
        assert (await post(visitor, {"query": "{ __typename }"}, **headers)).status_code == 200
    refused = await _ask(visitor, "198.51.100.7", "{ __typename }")
    assert _is_refusal(refused)
    assert "this address" in refused.text
    # Not even read: what is refused by rate is not looked at.
    assert _is_refusal(await post(visitor, b"{" * 100, **_from("198.51.100.7")))
    assert (await _ask(visitor, "198.51.100.8", "{ __typename }")).status_code == 200
    for path in ("livez", "readyz", "metrics", ".well-known/jwks.json"):
        async with httpx.AsyncClient(trust_env=False, headers=_from("198.51.100.7")) as http:
            assert (await http.get(gateway.url.replace("graphql", path))).status_code == 200


async def test_the_addresses_of_one_ipv6_network_are_one_client(gateway: LoneGateway) -> None:
    visitor = GraphqlClient(gateway.url)
    for number in range(2 * BURST):
        assert (await _ask(visitor, f"2001:db8:1:2::{number:x}", "{ __typename }")).status_code == 200
    assert _is_refusal(await _ask(visitor, "2001:db8:1:2:ffff::1", "{ __typename }"))
    assert (await _ask(visitor, "2001:db8:1:3::1", "{ __typename }")).status_code == 200


async def test_sign_ins_of_an_address_are_few_and_refused_as_data(gateway: LoneGateway) -> None:
    visitor = GraphqlClient(gateway.url)
    names = "abcdefghij"
    flood = "mutation($input: LoginInput!) {" + "".join(
        f"{name}: login(input: $input) {{ userErrors {{ code message }} }}" for name in names
    )
    answer = await post(visitor, {"query": flood + "}", "variables": {"input": SOMEBODY}}, **_from("198.51.100.30"))
    body = answer.json()
    codes = {error["extensions"]["code"] for error in body["errors"]}
    # There is no auth here: the three that were let through found nobody, and the payload is not null-able.
    assert codes == {"UNAVAILABLE"}
    for _ in range(2):
        await post(visitor, {"query": LOGIN, "variables": {"input": SOMEBODY}}, **_from("198.51.100.31"))
    await post(
        visitor,
        {"query": "mutation { refreshTokens(input: {refreshToken: \"x\"}) { userErrors { code } } }"},
        **_from("198.51.100.31"),
    )  # fmt: skip
    refused = await post(visitor, {"query": LOGIN, "variables": {"input": SOMEBODY}}, **_from("198.51.100.31"))
    assert refused.status_code == 200
    (error,) = refused.json()["data"]["login"]["userErrors"]
    assert error["code"] == "RATE_LIMITED"
    assert "try again in" in error["message"]
    other = await post(visitor, {"query": LOGIN, "variables": {"input": SOMEBODY}}, **_from("198.51.100.32"))
    assert other.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"


async def test_an_operation_that_takes_too_long_is_stopped(gateway: LoneGateway) -> None:
    somebody = gateway.client(await gateway.sign_up())
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%tickets%'"
    async with gateway.pool.transaction() as connection:
        await connection.execute("LOCK TABLE tickets IN ACCESS EXCLUSIVE MODE")
        answer = (await _ask(somebody, "192.0.2.50", "{ tickets { nodes { id } } }")).json()
        (error,) = answer["errors"]
        assert error["extensions"]["code"] == "UNAVAILABLE"
        assert error["extensions"]["correlationId"] in gateway.log.read_text()
        assert "longer than 1 s" in error["message"]
        assert answer.get("data") is None

        async def nothing_waits() -> bool:
            return bool(await connection.fetchval(waiting) == 0)

        await eventually(nothing_waits, seconds=10)
    assert (await _ask(somebody, "192.0.2.50", "{ tickets { nodes { id } } }")).json()["data"]


def _socket(gateway: LoneGateway, address: str, **headers: str) -> connect:
    url = gateway.url.replace("http", "ws", 1)
    protocol = [Subprotocol("graphql-transport-ws")]
    return connect(url, subprotocols=protocol, proxy=None, additional_headers={**_from(address), **headers})


async def _told(socket: ClientConnection) -> Json:
    message: Json = json.loads(await socket.recv())
    return message


async def _open(socket: ClientConnection, client: GraphqlClient) -> Json:
    payload = {"Authorization": f"Bearer {client.token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    return await _told(socket)


async def _subscribe(socket: ClientConnection, name: str, document: str) -> None:
    await socket.send(json.dumps({"type": "subscribe", "id": name, "payload": {"query": document}}))


async def test_a_websocket_has_so_many_operations_and_no_more(gateway: LoneGateway) -> None:
    somebody = gateway.client(await gateway.sign_up())
    watch = "subscription { ticketChanged { id } }"
    async with _socket(gateway, "192.0.2.60") as socket:
        assert (await _open(socket, somebody))["type"] == "connection_ack"
        for name in "abcd":
            await _subscribe(socket, name, watch)
        refused = await _told(socket)
        assert (refused["id"], refused["type"]) == ("d", "error")
        assert refused["payload"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}
        await socket.send(json.dumps({"type": "complete", "id": "a"}))
        await _subscribe(socket, "e", ME)
        assert (await _told(socket))["payload"]["data"]["me"]


async def test_operations_over_websocket_count_as_requests(gateway: LoneGateway) -> None:
    somebody = gateway.client(await gateway.sign_up())
    async with _socket(gateway, "192.0.2.61") as socket:
        await _open(socket, somebody)
        for number in range(BURST):
            await _subscribe(socket, f"q{number}", ME)
            assert (await _told(socket))["type"] == "next"
            assert (await _told(socket))["type"] == "complete"
        await _subscribe(socket, "one more", ME)
        refused = await _told(socket)
        assert (refused["id"], refused["type"]) == ("one more", "error")
        assert refused["payload"][0]["extensions"] == {"code": "LIMIT_EXCEEDED"}
        assert "try again in" in refused["payload"][0]["message"]
    assert _is_refusal(await _ask(somebody, "192.0.2.62"))


async def test_an_account_and_an_address_have_so_many_websockets(gateway: LoneGateway) -> None:
    somebody, other = [gateway.client(await gateway.sign_up()) for _ in range(2)]
    async with _socket(gateway, "192.0.2.70") as first, _socket(gateway, "192.0.2.70") as second:
        assert (await _open(first, somebody))["type"] == "connection_ack"
        assert (await _open(second, somebody))["type"] == "connection_ack"
        async with _socket(gateway, "192.0.2.71") as third:
            with pytest.raises(ConnectionClosed) as closed:
                await _open(third, somebody)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, "2 WebSockets" in closed.value.rcvd.reason) == (4429, True)
        async with _socket(gateway, "192.0.2.70") as fourth, _socket(gateway, "192.0.2.70"):
            assert (await _open(fourth, other))["type"] == "connection_ack"
            with pytest.raises(InvalidStatus) as status:
                await _socket(gateway, "192.0.2.70").__aenter__()
            assert status.value.response.status_code == 429
    async with _socket(gateway, "192.0.2.70") as again:  # those that are closed count no more
        assert (await _open(again, somebody))["type"] == "connection_ack"


async def test_a_websocket_that_says_nothing_or_too_much_is_closed(gateway: LoneGateway) -> None:
    somebody = gateway.client(await gateway.sign_up())
    async with _socket(gateway, "192.0.2.80") as silent:
        with pytest.raises(ConnectionClosed) as closed:
            await silent.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4408
    async with _socket(gateway, "192.0.2.80") as early:
        await _subscribe(early, "a", ME)
        with pytest.raises(ConnectionClosed) as closed:
            await early.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    async with _socket(gateway, "192.0.2.80") as loud:
        assert (await _open(loud, somebody))["type"] == "connection_ack"
        await _subscribe(loud, "a", "#" * 3000 + ME)
        with pytest.raises(ConnectionClosed) as closed:
            await loud.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    "message",
    [
        {"type": "ping"},
        {"type": "pong"},
        {"type": "complete", "id": "nobody's"},
        {"type": "subscribe", "id": "one too many", "payload": {"query": ME}},
    ],
    ids=lambda message: message["type"],
)
async def test_a_flood_of_messages_closes_its_websocket(gateway: LoneGateway, message: Json) -> None:
    somebody = gateway.client(await gateway.sign_up())
    async with _socket(gateway, f"203.0.114.{sum(message['type'].encode()) % 256}") as socket:
        await _open(socket, somebody)
        for name in "abc":  # as many as may be open
            await _subscribe(socket, name, "subscription { ticketChanged { id } }")
        with pytest.raises(ConnectionClosed) as closed:
            await _flood(socket, message, 3 * BURST)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4429


async def _flood(socket: ClientConnection, message: Json, times: int) -> None:
    for _ in range(times):
        await socket.send(json.dumps(message))
    # What the last of them is answered with comes before the answer to this.
    await socket.send(json.dumps({"type": "ping"}))
    while (await _told(socket))["type"] != "pong" or message["type"] == "ping":
        pass


@pytest.mark.parametrize("path", ["%0A", "/", "%0D%0A", "//"])
async def test_no_way_to_write_the_path_is_uncounted(gateway: LoneGateway, path: str) -> None:
    address = f"203.0.113.{len(path) * 10 + ord(path[-1]) % 10}"
    async with httpx.AsyncClient(trust_env=False, headers=_from(address)) as http:
        answers = [await http.post(gateway.url + path, json={"query": "{ __typename }"}) for _ in range(2 * BURST + 1)]
    assert {one.status_code for one in answers[:-1]} <= {307, 404}
    assert _is_refusal(answers[-1])
    with pytest.raises(InvalidStatus) as refused:
        await connect(gateway.url.replace("http", "ws", 1) + path, proxy=None).__aenter__()
    assert refused.value.response.status_code in (403, 404)


@pytest.mark.parametrize(
    ("accept", "address"), [("text/event-stream", "192.0.2.86"), ("Text/Event-Stream", "192.0.2.87")]
)
async def test_streams_of_events_count_as_connections(gateway: LoneGateway, accept: str, address: str) -> None:
    somebody = gateway.client(await gateway.sign_up())
    headers = {"Accept": accept, "Authorization": f"Bearer {somebody.token}", **_from(address)}
    watch = {"query": "subscription { ticketChanged { id } }"}
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as http:
        await eventually(lambda: _has_subscriptions(gateway, 0))
        async with http.stream("POST", gateway.url, json=watch), http.stream("POST", gateway.url, json=watch):
            # The answer of a stream begins before the gateway knows whose it is and counts it.
            await eventually(lambda: _has_subscriptions(gateway, 2))
            refused = await http.post(gateway.url, json=watch)
            assert "LIMIT_EXCEEDED" in refused.text
            assert "2 WebSockets and streams" in refused.text
        # Each look is a request, of which the account has 20 and no more.
        await eventually(lambda: _is_answered(http, gateway), seconds=10, every=1)


async def _has_subscriptions(gateway: LoneGateway, count: int) -> bool:
    return await gateway.subscriptions() == count


async def _is_answered(http: httpx.AsyncClient, gateway: LoneGateway) -> bool:
    return '"me"' in (await http.post(gateway.url, json={"query": ME})).text


async def test_a_page_of_another_origin_opens_no_websocket(gateway: LoneGateway) -> None:
    for origin in ("https://evil.example", "null", gateway.url.replace("127.0.0.1", "localhost")):
        with pytest.raises(InvalidStatus) as refused:
            await _socket(gateway, "192.0.2.90", Origin=origin).__aenter__()
        assert refused.value.response.status_code == 403
    own = gateway.url.removesuffix("/graphql")
    async with _socket(gateway, "192.0.2.91", Origin=own) as socket:
        assert socket.subprotocol == "graphql-transport-ws"
