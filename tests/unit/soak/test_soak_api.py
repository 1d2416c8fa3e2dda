"""A client that is not answered asks the same again, of another gateway."""

import json
from collections import Counter

import httpx
import pytest

from soak.api import Api
from support.graphql import GraphqlErrors

URLS = ("http://one/graphql", "http://two/graphql")


class Gateways:
    """Answers with what it was given, in turn; an exception is raised instead."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, bytes]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((str(request.url.host), request.content))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def data(**values: object) -> httpx.Response:
    return httpx.Response(200, json={"data": values})


def refusal(code: str) -> httpx.Response:
    return httpx.Response(200, json={"errors": [{"message": "no", "extensions": {"code": code}}]})


def api(gateways: Gateways, retries: Counter[str]) -> Api:
    return Api(lambda: URLS, retries, transport=httpx.MockTransport(gateways), first_pause=0.001)


async def test_what_was_not_answered_is_sent_again_word_for_word() -> None:
    retries: Counter[str] = Counter()
    gateways = Gateways(
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("gone"),
        httpx.Response(502, text="bad gateway"),
        refusal("UNAVAILABLE"),
        data(job=1),
    )
    assert await api(gateways, retries).execute("query", key="k") == {"job": 1}
    assert [host for host, _ in gateways.asked] == ["one", "two"] * 3
    assert {json.loads(content)["variables"]["key"] for _, content in gateways.asked} == {"k"}
    assert len({content for _, content in gateways.asked}) == 1
    assert retries == {"refused": 1, "timed out": 1, "broken off": 1, "HTTP 502": 1, "UNAVAILABLE": 1}


async def test_a_refusal_is_not_asked_again() -> None:
    gateways = Gateways(refusal("FORBIDDEN"))
    with pytest.raises(GraphqlErrors):
        await api(gateways, Counter()).execute("query")
    assert len(gateways.asked) == 1


async def test_the_token_is_sent_once_there_is_one() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return data()

    client = Api(lambda: URLS, Counter(), transport=httpx.MockTransport(answer))
    await client.execute("query")
    client.token = "t"
    await client.execute("query")
    assert seen == [None, "Bearer t"]
