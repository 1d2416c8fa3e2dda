"""Speaking GraphQL to the gateway: the demo's client, and what only tests do (raw requests, server-sent events)."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import httpx

from aiops_local.demo.client import GraphqlClient, GraphqlErrors, Json

__all__ = [
    "GraphqlClient",
    "GraphqlErrors",
    "Json",
    "code_of",
    "first",
    "following",
    "post",
    "server_sent",
    "user_error_codes",
]


async def post(client: GraphqlClient, content: object, **headers: str) -> httpx.Response:
    """The answer to a POST of ``content``: bytes and chunks of bytes as they are, anything else as JSON."""
    body = content if isinstance(content, bytes | AsyncIterator) else json.dumps(content).encode()
    sent = {"Content-Type": "application/json", **headers}
    if client.token:
        sent.setdefault("Authorization", f"Bearer {client.token}")
    async with httpx.AsyncClient(timeout=client.timeout, trust_env=False) as http:
        return await http.post(client.url, content=body, headers=sent)


async def code_of(client: GraphqlClient, document: str, **variables: object) -> str:
    """The extensions.code that the document is refused with; "" where it is answered."""
    try:
        await client.execute(document, **variables)
    except GraphqlErrors as error:
        return error.code
    return ""


async def server_sent(client: GraphqlClient, document: str, **variables: object) -> AsyncGenerator[Json]:
    """As ``GraphqlClient.subscribe``, over server-sent events.

    Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md, distinct connections mode.
    """
    headers = {"Accept": "text/event-stream"}
    if client.token:
        headers["Authorization"] = f"Bearer {client.token}"
    content = {"query": document, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=client.timeout, trust_env=False) as http,
        http.stream("POST", client.url, json=content, headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream"), await response.aread()
        event = ""
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                event = value
            elif name == "data" and event == "next":
                answer: Json = json.loads(value)
                if answer.get("errors"):
                    raise GraphqlErrors(answer["errors"])
                yield answer["data"]
            elif name == "data" and event == "complete":
                return


async def first(
    answers: AsyncGenerator[Json], wanted: Callable[[Json], bool] = lambda _: True, *, seconds: float = 30.0
) -> Json:
    """The first entity of a subscription that is ``wanted``; ends the subscription."""
    async with asyncio.timeout(seconds), aclosing(answers):
        return await following(answers, wanted)


async def following(answers: AsyncIterator[Json], wanted: Callable[[Json], bool] = lambda _: True) -> Json:
    """The next entity of a subscription that is ``wanted``; the subscription goes on."""
    async for answer in answers:
        entity: Json = next(iter(answer.values()))
        if wanted(entity):
            return entity
    raise AssertionError("the subscription ended before what was waited for came")


def user_error_codes(payload: Json) -> list[tuple[str, tuple[str, ...]]]:
    """Code and field of every user error of a mutation's payload."""
    return [(error["code"], tuple(error["field"] or ())) for error in payload["userErrors"]]
