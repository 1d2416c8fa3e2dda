"""Signing keys rotate while people work: nobody notices, unless the old key may have leaked.

Its stack is its own, because a rotation at once ends every access token there is.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator

import httpx
import pytest
from jose import jwt

from e2e import documents
from support.administrator import administrator
from support.eventually import eventually
from support.graphql import GraphqlClient, Json, code_of
from support.stack import RunningStack, running_stack

_SOON = {"AUTH_KEY_LEAD_SECONDS": "2"}


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with running_stack() as running:
        yield running


async def rotate(stack: RunningStack, *options: str, **environment: str) -> Json:
    """What ``rotate-keys --json`` says, run as an operator does beside the services."""
    usual = stack.stack.services.serve("auth", scripted_llm=False).environment
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aiops_auth", "rotate-keys", "--json", *options),
        env={**usual, **_SOON, **environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(60):
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    answer: Json = json.loads(out)
    return answer


async def jwks(stack: RunningStack) -> httpx.Response:
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        return await http.get(f"{stack.environment['GATEWAY_URL']}/.well-known/jwks.json")


async def published(stack: RunningStack) -> list[str]:
    """The kids that the gateway publishes."""
    return [key["kid"] for key in (await jwks(stack)).json()["keys"]]


async def log_in(stack: RunningStack) -> tuple[GraphqlClient, Json]:
    """The administrator, logged in anew, and the tokens."""
    credentials = {"email": stack.environment["ADMIN_EMAIL"], "password": stack.environment["ADMIN_PASSWORD"]}
    payload = (await stack.visitor.execute(documents.LOG_IN, input=credentials))["login"]
    assert payload["userErrors"] == []
    return stack.visitor.signed_in(payload["tokens"]["accessToken"]), payload["tokens"]


def kid_of(client: GraphqlClient) -> str:
    return str(jwt.get_unverified_header(client.token or "")["kid"])


async def test_a_rotation_is_noticed_by_nobody(stack: RunningStack) -> None:
    before = await administrator(stack)
    old = kid_of(before)
    assert old in await published(stack)
    # As if access tokens lived for a second, so that the test sees the end of the overlap.
    rotation = await rotate(stack, AUTH_ACCESS_TOKEN_SECONDS="1")
    new = rotation["signingKey"]["kid"]
    assert [ended["kid"] for ended in rotation["ended"]] == [old]

    async def both() -> bool:
        return {old, new} <= set(await published(stack))

    await eventually(both, seconds=10)
    deadline = time.monotonic() + 20
    while True:
        after, _ = await log_in(stack)
        assert await code_of(after, documents.ME) == "", "whichever key signs is known already"
        if kid_of(after) == new:
            break
        assert kid_of(after) == old
        assert time.monotonic() < deadline, "the new key never signs"
        await asyncio.sleep(0.1)
    assert await code_of(before, documents.ME) == "", "the old key signed it, and is believed for some seconds more"

    async def only_the_new_one() -> bool:
        return await published(stack) == [new]

    await eventually(only_the_new_one, seconds=30)
    assert await code_of(before, documents.ME) == "UNAUTHENTICATED"
    assert await code_of(after, documents.ME) == ""


async def test_what_a_leaked_key_signed_is_refused_at_once_and_sessions_go_on(stack: RunningStack) -> None:
    await administrator(stack)
    before, tokens = await log_in(stack)
    assert await code_of(before, documents.ME) == ""
    rotation = await rotate(stack, "--now")
    assert kid_of(before) in [ended["kid"] for ended in rotation["ended"]]

    async def refused() -> bool:
        return await code_of(before, documents.ME) == "UNAUTHENTICATED"

    await eventually(refused, seconds=10)
    assert await published(stack) == [rotation["signingKey"]["kid"]]
    refreshed = await stack.visitor.execute(documents.REFRESH, input={"refreshToken": tokens["refreshToken"]})
    again = stack.visitor.signed_in(refreshed["refreshTokens"]["tokens"]["accessToken"])
    assert kid_of(again) == rotation["signingKey"]["kid"]
    assert await code_of(again, documents.ME) == ""
    after, _ = await log_in(stack)
    assert await code_of(after, documents.ME) == "", "credentials are encrypted to the new key as well"


async def test_the_key_set_can_be_read_by_everybody_and_written_by_nobody(stack: RunningStack) -> None:
    await administrator(stack)
    answer = await jwks(stack)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jwk-set+json")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert {name for key in answer.json()["keys"] for name in key} == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        assert (await http.head(answer.url)).status_code == 200
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert (await http.request(method, answer.url, content=answer.content)).status_code == 405


async def test_a_rotation_without_a_database_changes_nothing_and_says_so(stack: RunningStack) -> None:
    before = await published(stack)
    with pytest.raises(AssertionError, match=r"PostgreSQL is unavailable.*no key was changed"):
        await rotate(stack, AUTH_DATABASE_URL="postgresql://auth:secret@127.0.0.1:1/aiops")
    assert await published(stack) == before
