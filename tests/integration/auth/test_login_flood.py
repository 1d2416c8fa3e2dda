"""A flood of log-ins takes the memory of a few hashes and nothing more, and those who need no hash notice little."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from aiops_common.messaging.requests import NoReply
from aiops_common.postgres import Pool
from aiops_contracts.auth import AuthReply, LogIn, RefreshTokens, Role, SetUserRole, SignUp
from integration.auth.administrators import add_admin
from integration.auth.running import forget_keys, new_email
from support.eventually import eventually
from support.lone_auth import LoneAuth, lone_auth
from support.lone_gateway import MEGABYTE
from support.sealing_credentials import log_in_form, refresh_form, seal, sign_up_form, tokens_of
from support.servers import Broker

PASSWORD = "a rather long sentence"
HASH_MEGABYTES = 64
CONCURRENCY = 2
QUEUE = 20
AT_ONCE = 60
"""Clients that try again and again: more than may wait."""
ELSE_MEGABYTES = 48
"""What the flood may cost beside the hashes: messages, connections, the allocator's slack."""


@dataclass
class Flood:
    """Clients that keep logging in to addresses that nobody has."""

    auth: LoneAuth
    key: dict[str, object]
    outcomes: Counter[str] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def one_client(self) -> None:
        while not self.over.is_set():
            try:
                request = LogIn(sealed=seal(log_in_form(new_email(), PASSWORD), self.key))
                self.outcomes[(await self.auth.ask(request)).outcome] += 1
            except NoReply:
                self.outcomes["TURNED_AWAY"] += 1
                await asyncio.sleep(0.2)

    async def has_begun(self) -> bool:
        return self.outcomes["TURNED_AWAY"] >= AT_ONCE and self.outcomes["BAD_CREDENTIALS"] > 0


async def watch(auth: LoneAuth, peaks: list[int]) -> None:
    while True:
        peaks.append(auth.resident)
        await asyncio.sleep(0.01)


async def refreshed(auth: LoneAuth, token: str) -> str:
    form = refresh_form(token)
    tokens = tokens_of(await auth.send(RefreshTokens, form), form)
    assert tokens is not None
    return tokens.refresh_token.get_secret_value()


async def test_a_flood_of_log_ins_leaves_memory_bounded_and_others_served(
    broker: Broker, auth_pool: Pool, service_database_urls: dict[str, str]
) -> None:
    await forget_keys(auth_pool)
    root = await add_admin(auth_pool)
    settings = {
        "argon2_memory_kib": HASH_MEGABYTES * 1024, "hash_concurrency": CONCURRENCY, "hash_queue": QUEUE,
        "log_level": "ERROR",
    }  # fmt: skip
    async with lone_auth(broker, service_database_urls["auth"], **settings) as auth:
        form = sign_up_form(new_email(), PASSWORD)
        made = await auth.send(SignUp, form)
        tokens = tokens_of(made, form)
        assert made.user is not None
        assert tokens is not None
        token, key = tokens.refresh_token.get_secret_value(), await auth.key()
        before, peaks = auth.resident, list[int]()
        watching = asyncio.create_task(watch(auth, peaks))
        flood = Flood(auth, key)
        async with asyncio.TaskGroup() as clients:
            for _ in range(AT_ONCE):
                clients.create_task(flood.one_client())
            await eventually(flood.has_begun, seconds=60)
            for version, role in enumerate((Role.OPS, Role.HR, Role.VIEWER), start=1):
                token = await refreshed(auth, token)
                request = SetUserRole(user_id=made.user.id, role=role, expected_version=version, changed_by=root)
                assert (await auth.set_role(request)).outcome == "OK"
            flood.over.set()
        watching.cancel()
        after: AuthReply = await auth.send(LogIn, log_in_form(form.email, PASSWORD))
    assert after.outcome == "OK"
    assert set(flood.outcomes) == {"BAD_CREDENTIALS", "TURNED_AWAY"}
    grown = (max(peaks) - before) / MEGABYTE
    print(f"\n{dict(flood.outcomes)}; memory grew by {grown:.0f} MiB")  # noqa: T201
    assert grown <= HASH_MEGABYTES * CONCURRENCY + ELSE_MEGABYTES
