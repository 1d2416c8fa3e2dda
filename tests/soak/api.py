"""The API as a patient client uses it: what was not answered is sent again, word for word."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

import httpx

from support.graphql import GraphqlErrors, Json

_TIMEOUT_SECONDS = 10.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 4.0
_BOUND_SECONDS = 240.0
# Each request looks at every idle connection of the client, so only a few are kept.
_LIMITS = httpx.Limits(max_connections=400, max_keepalive_connections=20)
_PASSING_CODES = ("UNAVAILABLE", "INTERNAL", "UNAUTHENTICATED")
"""Answers that say nothing about what was asked; a token is renewed by somebody else meanwhile."""


class GaveUp(Exception):
    """There was no answer within the bound."""


class Api:
    """Speaks in turn to the gateways at ``urls()``. ``retries`` counts why calls had to be repeated."""

    def __init__(
        self,
        urls: Callable[[], Sequence[str]],
        retries: Counter[str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        first_pause: float = _FIRST_PAUSE_SECONDS,
    ) -> None:
        self._first_pause = first_pause
        self._urls = urls
        self._calls = itertools.count()
        self._retries = retries
        # One client for all, because to make one costs more than a call; without proxies of the caller's shell.
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, limits=_LIMITS, trust_env=False, transport=transport)
        self.token = ""

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def execute(self, document: str, **variables: object) -> Json:
        """The ``data`` of the answer, however often it takes to get one.

        Raises GraphqlErrors (refused, and would be again) or GaveUp.
        """
        began, pause = time.monotonic(), self._first_pause
        first = next(self._calls)
        for attempt in itertools.count(1):
            try:
                urls = self._urls()
                url = urls[(first + attempt - 1) % len(urls)]
                return await self._once(url, {"query": document, "variables": variables})
            except GraphqlErrors as error:
                if error.code not in _PASSING_CODES:
                    raise
                self._retries[error.code] += 1
            except httpx.HTTPError as error:
                self._retries[_named(error)] += 1
            if time.monotonic() - began > _BOUND_SECONDS:
                break
            if attempt % len(urls):
                continue  # as behind a load balancer: the other gateway is asked at once
            # Without jitter, all that failed together would come back together.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        raise GaveUp(f"no answer within {_BOUND_SECONDS:g} s")

    async def _once(self, url: str, content: Json) -> Json:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        response = await self._http.post(url, json=content, headers=headers)
        try:
            answer = response.json()
        except ValueError:
            raise httpx.HTTPError(f"HTTP {response.status_code}") from None
        if answer.get("errors"):
            raise GraphqlErrors(answer["errors"])
        data: Json = answer["data"]
        return data


def _named(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "refused"
    if isinstance(error, httpx.TimeoutException):
        return "timed out"
    return "broken off" if isinstance(error, httpx.TransportError) else str(error)
