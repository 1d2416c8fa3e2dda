"""A stack of which parts were broken, whole again."""

import asyncio
from functools import partial

import httpx

from aiops_local.services import SERVICES
from support.eventually import eventually
from support.stack import RunningStack


async def make_whole(stack: RunningStack, *, seconds: float = 60.0) -> None:
    """Start what does not run and wait until every check of every service passes."""
    await asyncio.to_thread(stack.stack.rabbitmq.start)
    await asyncio.to_thread(stack.stack.postgres.start)
    if gone := [name for name in SERVICES if stack.stack.processes.running(name) is None]:
        await stack.serve(*gone)
    await until_whole(stack, seconds=seconds)


async def until_whole(stack: RunningStack, *, seconds: float) -> None:
    """Wait until every check of every service passes, those included that a service can be ready without."""
    for name in SERVICES:
        await eventually(partial(_is_whole, stack, name), seconds=seconds)


async def _is_whole(stack: RunningStack, name: str) -> bool:
    try:
        return set((await stack.ready(name))[1]["checks"].values()) == {"ok"}
    except httpx.HTTPError:
        return False


async def broker_check(stack: RunningStack, service: str) -> str:
    """What the service's readiness says about the broker; "ok" where all is well."""
    return str((await stack.ready(service))[1]["checks"]["broker"])


def pids(stack: RunningStack) -> dict[str, object]:
    """The process of each service, to see that none was restarted."""
    return {name: stack.stack.processes.running(name) for name in SERVICES}
