"""Steady load: work handed in at a fixed rate, some of it twice, tickets moved on, all kinds of it read."""

import asyncio
import random
import time
from collections.abc import Mapping
from uuid import UUID

from aiops_gateway.graphql.ids import from_global_id
from soak import documents
from soak.api import Api, GaveUp
from soak.content import Job, JobKind, job
from soak.ledger import Accepted, Ledger
from support.graphql import GraphqlErrors, Json

REPEAT_EVERY, MOVE_EVERY, READ_EVERY, LIST_EVERY = 10, 7, 5, 40
_LATEST_REPEAT_SECONDS = 40.0
_MOVES = ("IN_PROGRESS", "RESOLVED")
_LOG_IN_EVERY_SECONDS = 15.0
_TRIAGED_WITHIN_SECONDS = 180.0


class Load:
    """Hands in work and writes down what the API says about it."""

    def __init__(self, api: Api, ledger: Ledger, seed: int, rate: float) -> None:
        self._api = api
        self._ledger = ledger
        self._seed = seed
        self._rate = rate
        self._ends_at = 0.0

    async def run(self, seconds: float) -> None:
        """Hand in ``rate`` jobs per second, whether or not those before are answered; returns when all are."""
        began = time.monotonic()
        self._ends_at = began + seconds
        async with asyncio.TaskGroup() as group:
            for number in range(round(seconds * self._rate)):
                due = began + number / self._rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                self._ledger.latest_seconds = max(self._ledger.latest_seconds, time.monotonic() - due)
                group.create_task(self._client(number))

    async def stay_logged_in(self, credentials: Mapping[str, str]) -> None:
        """Log in again and again, and use the newest token; never returns."""
        while True:
            await self.log_in(credentials)
            await asyncio.sleep(_LOG_IN_EVERY_SECONDS)

    async def log_in(self, credentials: Mapping[str, str]) -> None:
        """Use a new token from now on."""
        try:
            answer = await self._told(documents.LOG_IN, **credentials)
        except (GaveUp, GraphqlErrors) as error:
            self._ledger.contradict(f"a log-in was not answered: {error}")
            return
        if answer["userErrors"]:
            self._ledger.contradict(f"a log-in was refused: {answer['userErrors']}")
            return
        self._ledger.calls["log-ins"] += 1
        self._api.token = answer["tokens"]["accessToken"]

    async def _client(self, number: int) -> None:
        """What one client does: hand in a job, then look at it, hand it in again or move it on."""
        work = job(self._seed, number)
        try:
            began = time.monotonic()
            global_id, accepted = await self._submit(work)
            self._ledger.accept_seconds.append(time.monotonic() - began)
            if number % READ_EVERY == 0:
                await self._look(work.kind, global_id)
            if number % LIST_EVERY == 0:
                self._ledger.calls["lists"] += 1
                await self._api.execute(documents.NEWEST)
            if number % REPEAT_EVERY == 0:
                await self._repeat(work)
            if number % MOVE_EVERY == 0 and work.kind is JobKind.TICKET:
                await self._move_on(work, global_id, accepted)
        except GaveUp:
            self._ledger.give_up(work.key)
        except (GraphqlErrors, Refused) as error:
            self._ledger.contradict(f"{work.key} was refused: {error}")

    async def _submit(self, work: Job) -> tuple[str, Accepted]:
        self._ledger.ask(work)
        global_id = str((await self._job(documents.SUBMIT[work.kind], **work.values))["id"])
        return global_id, self._ledger.accept(work, _uuid(global_id))

    async def _repeat(self, work: Job) -> None:
        left = max(0.0, self._ends_at - time.monotonic())
        await asyncio.sleep(min(random.uniform(0.5, _LATEST_REPEAT_SECONDS), left))
        self._ledger.calls["repeated keys"] += 1
        await self._submit(work)

    async def _move_on(self, work: Job, global_id: str, accepted: Accepted) -> None:
        version = await self._triaged(global_id)
        for status in _MOVES:
            change = {"ticketId": global_id, "status": status, "expectedVersion": version}
            ticket = await self._job(documents.MOVE, **change, idempotencyKey=f"{work.key}-{status}")
            if (ticket["version"], ticket["status"]) != (version + 1, status):
                raise Refused(f"moved from version {version} to {status}, the answer is {ticket}")
            version += 1
            accepted.moved_to = (version, status)
            self._ledger.calls["moves"] += 1
            seen = await self._look(JobKind.TICKET, global_id)
            if seen["version"] < version:
                raise Refused(f"read at version {seen['version']} after it was moved to version {version}")

    async def _triaged(self, global_id: str) -> int:
        """The ticket's version, once it is triaged."""
        began, pause = time.monotonic(), 1.0
        while time.monotonic() - began < _TRIAGED_WITHIN_SECONDS:
            ticket = await self._look(JobKind.TICKET, global_id)
            if ticket["state"] == "SUCCEEDED":
                return int(ticket["version"])
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 5.0)
        raise GaveUp(f"{global_id} was not triaged within {_TRIAGED_WITHIN_SECONDS:g} s")

    async def _look(self, kind: JobKind, global_id: str) -> Json:
        self._ledger.calls["reads"] += 1
        found: Json | None = (await self._api.execute(documents.LOOK[kind], id=global_id))["job"]
        if found is None:
            raise Refused("it was accepted, and cannot be read")
        return found

    async def _job(self, document: str, **values: object) -> Json:
        answer = await self._told(document, **values)
        if answer["userErrors"]:
            raise Refused(str(answer["userErrors"]))
        told: Json = answer["job"]
        return told

    async def _told(self, document: str, **values: object) -> Json:
        told: Json = (await self._api.execute(document, input=values))["told"]
        return told


class Refused(Exception):
    """The API said no, or something that cannot be true, where a correct system would not."""


def _uuid(global_id: str) -> UUID:
    parsed = from_global_id(global_id)
    if parsed is None:
        raise Refused(f"{global_id!r} is no id")
    return parsed[1]
