"""A gateway that serves persisted operations and nothing else, over every transport; and one for developers."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from aiops_common.postgres import Pool
from support.content_keys import content_keys
from support.graphql import GraphqlClient, Json, post
from support.lone_gateway import LoneGateway, lone_gateway
from support.servers import ROOT

ME = "query Me { me { id role } }\n"
PAGE = "query Page($n: Int) { tickets(first: $n) { totalCount nodes { id } } }\n"
WATCH = "subscription Watch { ticketChanged { id } }\n"


@pytest.fixture(autouse=True)
def whole() -> None:
    """One gateway and its database are all that these tests need."""


def _gateway(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        "GATEWAY_DATABASE_URL": "postgresql://gateway@127.0.0.1:1/x",
        "GATEWAY_AMQP_URL": "amqp://gateway@127.0.0.1:1/x",
        "GATEWAY_CONTENT_KEYS": content_keys(),
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "aiops_gateway", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the command makes of three documents."""
    directory = tmp_path_factory.mktemp("operations")
    sources = []
    for name, text in (("me", ME), ("page", PAGE), ("watch", WATCH)):
        sources.append(directory / f"{name}.graphql")
        sources[-1].write_text(text)
    output = directory / "operations.json"
    done = _gateway("persist", *map(str, sources), "-o", str(output))
    assert done.returncode == 0, done.stderr
    assert "3 operations" in done.stdout
    return output


@pytest.fixture(scope="module")
def ids(operations: Path) -> dict[str, str]:
    return {text: name for name, text in json.loads(operations.read_text()).items()}


@pytest.fixture(scope="module")
async def gateway(
    pools: dict[str, Pool], service_database_urls: dict[str, str], operations: Path
) -> AsyncIterator[LoneGateway]:
    settings: dict[str, Any] = {"persisted_operations": operations, "persisted_only": "true"}
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"], **settings) as running:
        yield running


@pytest.fixture(scope="module")
async def admin(gateway: LoneGateway) -> GraphqlClient:
    return gateway.client(await gateway.sign_up())


def _ways(identity: str) -> list[Json]:
    return [
        {"documentId": identity},
        {"documentId": f"sha256:{identity}"},
        {"id": identity},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": identity.upper()}}},
        {"query": "", "documentId": identity},
    ]


async def test_an_operation_is_named_in_every_way_that_clients_know(admin: GraphqlClient, ids: dict[str, str]) -> None:
    for request in [*_ways(ids[ME]), {"query": ME}]:
        assert (await post(admin, request)).json()["data"]["me"]["role"] == "ADMIN"
    page = await post(admin, {"documentId": ids[PAGE], "variables": {"n": 3, "id": "x"}, "operationName": "Page"})
    assert len(page.json()["data"]["tickets"]["nodes"]) <= 3


async def test_it_is_named_by_get_too(admin: GraphqlClient, ids: dict[str, str]) -> None:
    extensions = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": ids[PAGE]}})
    asked = [{"documentId": ids[PAGE]}, {"extensions": extensions}]
    async with httpx.AsyncClient(trust_env=False, headers={"Authorization": f"Bearer {admin.token}"}) as http:
        for parameters in asked:
            answer = await http.get(admin.url, params={**parameters, "variables": '{"n": 2}'})
            assert len(answer.json()["data"]["tickets"]["nodes"]) <= 2, answer.text


async def test_its_cost_is_that_of_its_variables(admin: GraphqlClient, ids: dict[str, str]) -> None:
    refused = (await post(admin, {"documentId": ids[PAGE], "variables": {"n": 101}})).json()
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert "between 1 and 100" in refused["errors"][0]["message"]


@pytest.mark.parametrize(
    "request_",
    [
        {"query": "{ me { id } }"},
        {"query": ME.strip()},
        {"query": "{ __typename }"},
        {"query": "{ __schema { types { name } } }"},
        {"query": "mutation { logout(input: {refreshToken: \"x\"}) { userErrors { code } } }"},
        {"documentId": "0" * 64},
        {"documentId": "../../etc/passwd"},
        {"documentId": "x" * 100_000},
        {"query": "persisted:" + "0" * 64},
        {"extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}},
        {"query": "{ me { id } }", "extensions": {"persistedQuery": {"sha256Hash": "0" * 64}}},
    ],
)  # fmt: skip
async def test_nothing_else_is_served(admin: GraphqlClient, request_: Json) -> None:
    answer = (await post(admin, request_)).json()
    (error,) = answer["errors"]
    assert "data" not in answer
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "persisted operation" in error["message"]


async def test_over_websocket_too(admin: GraphqlClient, ids: dict[str, str]) -> None:
    url = admin.url.replace("http", "ws", 1)
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        payload = {"Authorization": f"Bearer {admin.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        for number, way in enumerate(_ways(ids[ME])):
            await socket.send(json.dumps({"type": "subscribe", "id": f"a{number}", "payload": way}))
            assert json.loads(await socket.recv())["payload"]["data"]["me"]["role"] == "ADMIN"
            assert json.loads(await socket.recv())["type"] == "complete"
        await socket.send(json.dumps({"type": "subscribe", "id": "b", "payload": {"query": "{ me { id } }"}}))
        refused = json.loads(await socket.recv())
        assert (refused["type"], refused["id"]) == ("error", "b")
        assert refused["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_over_server_sent_events_too(admin: GraphqlClient, ids: dict[str, str]) -> None:
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {admin.token}"}
    for request, wanted in (({"documentId": ids[ME]}, '"role":"ADMIN"'), ({"query": "{ me { id } }"}, "persisted")):
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False, headers=headers) as http:
            assert wanted in (await http.post(admin.url, json=request)).text


def test_a_file_that_cannot_be_used_is_told_at_the_start(tmp_path: Path, ids: dict[str, str]) -> None:
    file = tmp_path / "operations.json"
    wrong = {
        "not JSON": "{",
        "must be a JSON object": "[]",
        "must be a JSON object: the id": json.dumps({"a": 1}),
        "is not the SHA-256 of its document": json.dumps({ids[ME]: PAGE}),
        "a does not fit the schema: Cannot query field 'nothing'": json.dumps({"a": "{ nothing }"}),
        "a is not GraphQL": json.dumps({"a": "{"}),
        "only fragments": json.dumps({"a": "fragment A on Query { me { id } }"}),
    }
    for told, content in wrong.items():
        file.write_text(content)
        ended = _gateway("serve", GATEWAY_PERSISTED_OPERATIONS=str(file))
        assert ended.returncode == 2, ended.stderr
        assert told in ended.stderr
        assert "GATEWAY_PERSISTED_OPERATIONS" in ended.stderr
        assert "Traceback" not in ended.stderr
    ended = _gateway("serve", GATEWAY_PERSISTED_ONLY="true")
    assert (ended.returncode, "needs GATEWAY_PERSISTED_OPERATIONS" in ended.stderr) == (2, True)


def test_a_document_that_does_not_fit_is_not_persisted(tmp_path: Path) -> None:
    source, output = tmp_path / "a.graphql", tmp_path / "operations.json"
    source.write_text("{ nothing }")
    done = _gateway("persist", str(source), "-o", str(output))
    assert (done.returncode, output.exists()) == (2, False)
    assert "Cannot query field 'nothing'" in done.stderr


async def test_developers_are_told_about_the_schema(
    pools: dict[str, Pool], service_database_urls: dict[str, str], operations: Path, ids: dict[str, str]
) -> None:
    settings: dict[str, Any] = {"development": "true", "persisted_operations": operations}
    async with lone_gateway(pools["gateway"], service_database_urls["gateway"], **settings) as running:
        client = running.client(await running.sign_up())
        assert len((await client.execute(get_introspection_query()))["__schema"]["types"]) > 50
        answer = (await post(client, {"query": "{ tickts { totalCount } }"})).json()
        assert "Did you mean 'tickets'" in answer["errors"][0]["message"]
        assert (await post(client, {"documentId": ids[ME]})).json()["data"]["me"]
