"""Everything that a running stack has written down or shows, to look for what must not be there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from uuid import uuid4

import asyncpg
import httpx

from aiops_local.jaeger_program import find
from aiops_local.services import SERVICES
from support.eventually import eventually
from support.graphql import post
from support.jaeger import jaeger_of
from support.stack import RunningStack

Place = tuple[str, bytes]
"""Where something stands, and what stands there."""

_COLUMNS = """
    SELECT c.table_schema AS schema, c.table_name AS name, array_agg(c.column_name::text) AS columns,
           array_agg(c.data_type::text) AS types
    FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
    WHERE c.table_schema = ANY($1) AND t.table_type = 'BASE TABLE' GROUP BY 1, 2
"""


async def cells(stack: RunningStack) -> AsyncIterator[Place]:
    """Every value of every table of every service, as bytes."""
    connection = await asyncpg.connect(stack.environment["DATABASE_URL"])
    try:
        histories = {f"{name}_history" for name in ("auth", "summarizer", "triage")}
        tables = await connection.fetch(_COLUMNS, [*SERVICES, *histories])
        assert {table["schema"] for table in tables} == set(SERVICES) | histories
        for table in tables:
            pairs = zip(table["columns"], table["types"], strict=True)
            asked = ", ".join(f'"{c}"' if kind == "bytea" else f'"{c}"::text' for c, kind in pairs)
            for row in await connection.fetch(f'SELECT {asked} FROM "{table["schema"]}"."{table["name"]}"'):
                for column, value in zip(table["columns"], row.values(), strict=True):
                    yield f"{table['schema']}.{table['name']}.{column}", _bytes(value)
    finally:
        await connection.close()


def _bytes(value: object) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()


def files(stack: RunningStack) -> Iterator[Place]:
    """The logs of all processes, the servers' included, and the spans."""
    layout = stack.stack.layout
    for path in [*sorted(layout.logs.rglob("*")), layout.traces]:
        if path.is_file():
            yield path.name, path.read_bytes()


async def metrics(stack: RunningStack) -> AsyncIterator[Place]:
    """What Prometheus reads."""
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        for name in SERVICES:
            yield f"metrics of {name}", (await http.get(f"{stack.stack.services.url(name)}/metrics")).content


async def traces(stack: RunningStack, *services: str) -> AsyncIterator[Place]:
    """What Jaeger answers of each service's traces; nothing where this machine has no Jaeger.

    Where it has one, there must be traces of these ``services``: an empty Jaeger would show nothing of anything.
    """
    if find() is None:
        return
    jaeger = jaeger_of(stack)
    names = await jaeger.services()
    assert {f"aiops-{name}" for name in services} <= names
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        for name in sorted(names):
            asked = {"service": name, "limit": "1000", "lookback": "1h"}
            answer = await http.get(f"{jaeger.url}/api/traces", params=asked)
            assert answer.json()["data"], f"Jaeger has no traces of {name}"
            yield f"Jaeger's traces of {name}", answer.content


async def spans_have_left(stack: RunningStack) -> None:
    """Wait until the spans of what was done so far are where spans go, in the file and in Jaeger.

    They leave a process twice in a second: the last ones are there once a later one is.
    """
    trace_id = uuid4().hex
    await post(stack.visitor, {"query": "{ __typename }"}, traceparent=f"00-{trace_id}-{'1' * 16}-01")

    async def there() -> bool:
        in_jaeger = find() is None or await jaeger_of(stack).trace(trace_id)
        return bool(in_jaeger) and any(span["trace_id"] == trace_id for span in stack.spans())

    await eventually(there)


async def dead_letters_on_the_command_line(stack: RunningStack, *ids: str) -> AsyncIterator[Place]:
    """What ``list`` and, of those named, ``show`` print."""
    for arguments in (["list"], ["list", "--json"], *(["show", one] for one in ids)):
        yield await dead_letter_command(stack, *arguments)


async def dead_letter_command(stack: RunningStack, *arguments: str) -> Place:
    """What a command about dead letters prints, to both outputs."""
    environment = {"AMQP_URL": stack.environment["OPERATOR_AMQP_URL"]}
    return await command("aiops_common.messaging.deadletter", *arguments, environment=environment)


async def command(module: str, *arguments: str, environment: Mapping[str, str], status: int = 0) -> Place:
    """What ``python -m module arguments`` prints, to both outputs; it exits with ``status``."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    written = done.stdout + done.stderr
    assert done.returncode == status, written.decode(errors="replace")
    return f"{module} {arguments[0]}", written


def sightings(canaries: Mapping[str, str], places: Iterable[Place]) -> set[tuple[str, str]]:
    """(place, kind of canary) wherever one is seen."""
    return {(where, kind) for where, text in places for kind, canary in canaries.items() if canary.encode() in text}
