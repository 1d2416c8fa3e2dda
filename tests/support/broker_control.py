"""What an operator can do to a broker, and a clumsy one too."""

import asyncio
import os
import subprocess
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from aiops_local.installations import find_rabbitmq
from support.stack import RunningStack

_SECONDS = 60.0


async def rabbitmqctl(stack: RunningStack, *arguments: str) -> str:
    """What ``rabbitmqctl`` of the stack's node printed; its failure fails the test."""
    # The script of the installation and not the one on the PATH, which may become another user with another cookie.
    cookie = (stack.stack.layout.rabbitmq / ".erlang.cookie").read_text()
    command = [str(find_rabbitmq().programs / "rabbitmqctl"), "-q", "-n", stack.environment["RABBITMQ_NODE"]]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, *arguments],
        env={**os.environ, **stack.stack.rabbitmq.control_environment, "RABBITMQ_ERLANG_COOKIE": cookie},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def lengths_now(stack: RunningStack, *queues: str) -> dict[str, int]:
    """How many messages there are in each queue at this moment, those in the consumers' hands included."""
    table = await rabbitmqctl(stack, "list_queues", "name", "messages", "--no-table-headers")
    found = dict(line.split("\t") for line in table.splitlines())
    return {queue: int(found[queue]) for queue in queues}


async def management(
    stack: RunningStack, method: str, path: str, body: Mapping[str, Any] | None = None
) -> httpx.Response:
    """A call of the management API, ``path`` below ``/api``; an answer of 400 and above fails the test."""
    url = httpx.URL(stack.environment["RABBITMQ_MANAGEMENT_URL"])
    auth = (url.username, url.password)
    base = url.copy_with(username=None, password=None, path="/api")
    async with httpx.AsyncClient(base_url=base, auth=auth, timeout=30, trust_env=False) as http:
        response = await http.request(method, path, json=body)
        response.raise_for_status()
        return response


async def delete_queue(stack: RunningStack, name: str) -> None:
    """Delete a queue with whatever is in it, consumers or not."""
    await management(stack, "DELETE", f"/queues/%2F/{name}")


async def delete_exchange(stack: RunningStack, name: str) -> None:
    """Delete an exchange and its bindings."""
    await management(stack, "DELETE", f"/exchanges/%2F/{name}")


async def unbind(stack: RunningStack, exchange: str, queue: str) -> None:
    """Remove every binding between the two."""
    path = f"/bindings/%2F/e/{exchange}/q/{queue}"
    for binding in (await management(stack, "GET", path)).json():
        await management(stack, "DELETE", f"{path}/{quote(binding['properties_key'], safe='')}")


async def limit_queue(stack: RunningStack, queue: str, max_bytes: int) -> None:
    """Let a queue take ``max_bytes`` only, until ``unlimit_queue``."""
    definition = {"delivery-limit": 10, "max-length-bytes": max_bytes}
    policy = {"pattern": f"^{queue}$", "definition": definition, "apply-to": "queues", "priority": 100}
    await management(stack, "PUT", f"/policies/%2F/test-{queue}", policy)


async def unlimit_queue(stack: RunningStack, queue: str) -> None:
    """Give a queue its usual limits back."""
    await management(stack, "DELETE", f"/policies/%2F/test-{queue}")


async def provision(stack: RunningStack) -> None:
    """``provision`` as `make up` runs it; raises ProcessFailed where it exits with another code than 0."""
    await asyncio.to_thread(stack.stack.processes.run, stack.stack.services.provision_rabbitmq(), _SECONDS)
