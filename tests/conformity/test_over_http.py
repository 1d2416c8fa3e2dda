"""GraphQL over HTTP, as the audits of graphql-http see it.

Source: https://graphql.github.io/graphql-over-http/draft/
"""

import json

import httpx
import pytest

from conformity import scripts
from support.lone_gateway import LoneGateway

AUDITS = 61


async def test_every_audit_passes(gateway: LoneGateway) -> None:
    audits = await scripts.result("audits.mjs", url=gateway.url)
    assert [f"{one['id']} {one['name']}: {one['reason']}" for one in audits if one["status"] != "ok"] == []
    assert len({one["id"] for one in audits}) == len(audits) == AUDITS


async def _post(gateway: LoneGateway, body: object, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **headers}
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        return await http.post(gateway.url, content=content, headers=sent)


async def _get(gateway: LoneGateway, document: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        return await http.get(gateway.url, params={"query": document}, headers=headers)


def _refusal(answer: httpx.Response) -> tuple[int, str]:
    (error,) = answer.json()["errors"]
    assert error["message"]
    return answer.status_code, error["extensions"]["code"]


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain;charset=UTF-8",
        "text/plain; application/json",
        "text/plain, application/json",
        "application/jsonp",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "",
    ],
)
async def test_what_a_page_may_send_without_asking_is_refused(gateway: LoneGateway, content_type: str) -> None:
    answer = await _post(gateway, {"query": "{ __typename }"}, **{"Content-Type": content_type})
    assert _refusal(answer) == (415, "BAD_USER_INPUT")


async def test_a_mutation_by_get_is_refused(gateway: LoneGateway) -> None:
    answer = await _get(gateway, 'mutation { logout(input: {refreshToken: "x"}) { userErrors { code } } }')
    assert _refusal(answer) == (405, "BAD_USER_INPUT")
    assert answer.headers["allow"] == "POST"


async def test_a_mutation_by_get_is_refused_as_events_too(gateway: LoneGateway) -> None:
    mutation = 'mutation { logout(input: {refreshToken: "x"}) { userErrors { code } } }'
    answer = await _get(gateway, mutation, Accept="text/event-stream")
    assert "BAD_USER_INPUT" in answer.text
    assert "mutations are not allowed" in answer.text


async def test_a_subscription_is_not_answered_as_if_it_were_a_query(gateway: LoneGateway) -> None:
    document = "subscription { ticketChanged { id } }"
    for answer in (await _get(gateway, document), await _post(gateway, {"query": document})):
        assert _refusal(answer) == (400, "BAD_USER_INPUT")
        assert "text/event-stream" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [[], [{"query": "{ __typename }"}], [[]]])
async def test_batches_are_refused(gateway: LoneGateway, body: object) -> None:
    answer = await _post(gateway, body)
    assert _refusal(answer) == (400, "BAD_USER_INPUT")
    assert "batches" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_refused(gateway: LoneGateway, method: str) -> None:
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        answer = await http.request(method, gateway.url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


NEWER, OLDER = "application/graphql-response+json", "application/json"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (NEWER, NEWER),
        (f"{NEWER}, {OLDER}", NEWER),
        (f"{OLDER}, {NEWER}", OLDER),
        (f"{NEWER};q=0.5, {OLDER};q=0.9", OLDER),
        (f"{NEWER};charset=utf-8, {OLDER};q=0.9", NEWER),
        (f"{NEWER};q=0", OLDER),
        (f"{NEWER};q=x", OLDER),
        (NEWER.upper(), NEWER),
        ("*/*", OLDER),
        ("image/png", OLDER),
    ],
)
async def test_the_client_says_in_which_media_type_it_is_answered(
    gateway: LoneGateway, accept: str, media_type: str
) -> None:
    answer = await _post(gateway, {"query": "{ __typename }"}, Accept=accept)
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(("accept", "status"), [(NEWER, 400), (OLDER, 200)])
async def test_the_newer_media_type_tells_by_its_status_what_never_ran(
    gateway: LoneGateway, accept: str, status: int
) -> None:
    for document in ("{", "{ nothing }", "query($id: ID!) { node(id: $id) { id } }"):
        answer = await _post(gateway, {"query": document}, Accept=accept)
        assert _refusal(answer) == (status, "BAD_USER_INPUT")
        assert "data" not in answer.json()


async def test_what_ran_is_answered_with_200_and_says_what_was_refused(gateway: LoneGateway) -> None:
    answer = await _post(gateway, {"query": "{ tickets { totalCount } }"}, Accept=NEWER)
    assert _refusal(answer) == (200, "UNAUTHENTICATED")
    assert answer.json()["data"] is None


@pytest.mark.parametrize("name", [1, {}, [], "Other"])
async def test_an_operation_that_is_none_is_refused(gateway: LoneGateway, name: object) -> None:
    answer = await _post(gateway, {"query": "query One { __typename }", "operationName": name})
    assert _refusal(answer) == (400, "BAD_USER_INPUT")
