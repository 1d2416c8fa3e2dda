"""Secrets are replaced as docs/runbook.md says, while work goes on: all of it is done once, and the old secret is dead.

Signing keys are in tests/e2e/test_key_rotation.py, content keys in tests/integration/history/test_raw_contents.py.
"""

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import asyncpg
import httpx
import pytest
from aio_pika.exceptions import ProbableAuthenticationError

from aiops_local.services import LLM
from e2e import documents
from support.broker_control import provision, rabbitmqctl
from support.graphql import GraphqlClient
from support.handing_in import database, hand_in
from support.ledger import Ledger
from support.stack import RunningStack
from support.workers import START_SECONDS, start, worker

Opens = Callable[[RunningStack, str, str], Awaitable[bool]]


async def opens_database(stack: RunningStack, role: str, password: str) -> bool:
    try:
        await (await asyncpg.connect(stack.stack.postgres.url_for(role, password))).close()
    except asyncpg.InvalidPasswordError:
        return False
    return True


async def opens_broker(stack: RunningStack, user: str, password: str) -> bool:
    try:
        await (await aio_pika.connect(stack.stack.rabbitmq.url_for(user, password))).close()
    except ProbableAuthenticationError:
        return False
    return True


async def provision_database(stack: RunningStack) -> None:
    await asyncio.to_thread(stack.stack.processes.run, stack.stack.services.provision_postgres(), START_SECONDS)


SERVERS: dict[str, tuple[Callable[[RunningStack], Awaitable[None]], Opens]] = {
    "postgres": (provision_database, opens_database),
    "rabbitmq": (provision, opens_broker),
}


async def end_at_database(stack: RunningStack, role: str) -> None:
    async with database(stack) as connection:
        ended = await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role
        )
    assert ended


async def end_at_broker(stack: RunningStack, user: str) -> None:
    await rabbitmqctl(stack, "close_all_user_connections", user, "rotated")


END_CONNECTIONS = {"postgres": end_at_database, "rabbitmq": end_at_broker}


@pytest.mark.parametrize("service", ["gateway", "triage"])
@pytest.mark.parametrize("server", SERVERS)
async def test_a_password_is_replaced_by_provisioning_and_a_restart(
    server: str, service: str, stack: RunningStack, admin: GraphqlClient, ledger: Ledger
) -> None:
    set_passwords, opens = SERVERS[server]
    passwords = stack.stack.services.credentials
    old = passwords[f"{server}:{service}"]
    assert await opens(stack, service, old)
    new = passwords.replace(f"{server}:{service}")
    await set_passwords(stack)
    assert (await opens(stack, service, old), await opens(stack, service, new)) == (False, True)
    # The service still runs with the old one: its connections stay.
    between = await hand_in(admin, f"Between two passwords of {service} at {server}", 60)
    await stack.serve(service)
    # Whoever came in with the old one is put out; the service comes again with the new one.
    await END_CONNECTIONS[server](stack, service)
    after = await hand_in(admin, f"After a new password of {service} at {server}", 10)
    assert (await ledger.balance([*between, *after])).check().counts == {"completed": 70}


async def test_the_key_of_the_language_model_is_replaced_by_a_restart(
    stack: RunningStack, admin: GraphqlClient
) -> None:
    await stack.serve("triage", scripted_llm=True, environment={"TRIAGE_LLM_FOR": "all"})
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            url = f"http://127.0.0.1:{stack.stack.services.ports[LLM]}/script"
            (await http.post(url, json={"api_key": "the new one"})).raise_for_status()
        revoked = await documents.triaged(admin, title="With a key that was revoked", body="b")
        provenance = revoked["triage"]["provenance"]
        assert (provenance["degraded"], provenance["degradedReason"]) == (True, "not authorized")
        await start(stack, worker(stack, OPENAI_API_KEY="the new one"))
        answered = await documents.triaged(admin, title="With the new key", body="b")
        assert (answered["state"], answered["triage"]["provenance"]["degraded"]) == ("SUCCEEDED", False)
    finally:
        await stack.serve("triage")
        await asyncio.to_thread(stack.stack.processes.stop, LLM)
