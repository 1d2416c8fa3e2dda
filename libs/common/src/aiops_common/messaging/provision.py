"""Make a broker look like a topology, through the management HTTP API; a second run changes nothing.

Everything that differs is found before anything is changed: an exchange or queue cannot be altered once it exists, so
one that was declared differently ends the run with nothing touched. Works with RabbitMQ 3.10 to 4.x.
"""

import asyncio
import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import httpx
import stamina

from aiops_common.messaging.names import INGRESS_PREFIX
from aiops_common.messaging.topology import Arguments, Binding, Exchange, Queue, Topology, User

SETTLE_SECONDS = 1.5
"""How long new queues are left alone. A broker that is killed within about a second of declaring a quorum queue may
come back with that queue unusable for good: its entry in the Raft directory is written every 500 ms. Measured on
3.10.8: kills 0 and 0.3 s after every queue had its leader each lost a queue, kills after 1.5 s none."""

CONCURRENT_CALLS = 4

Row = Mapping[str, Any]


class ProvisioningFailed(Exception):
    """The broker could not be brought to the topology; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the broker has, as the management API tells it."""

    exchanges: list[Row]
    queues: list[Row]
    bindings: list[Row]
    policies: list[Row]
    users: list[Row]
    permissions: list[Row]


@dataclass(frozen=True, slots=True)
class Change:
    """One call that changes the broker, and what it does in words."""

    verb: Literal["create", "update", "remove"]
    what: str
    method: Literal["PUT", "POST", "DELETE"]
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)  # it may hold a password

    def __str__(self) -> str:
        return f"{self.verb} {self.what}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in stages: one stage needs those before it, the changes of one stage do not need each other."""

    stages: tuple[tuple[Change, ...], ...]
    unchanged: int
    new_queues: bool

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes in the order they are made."""
        return tuple(change for stage in self.stages for change in stage)


async def provision(
    topology: Topology, url: str, passwords: Mapping[str, str], *, vhost: str = "/", dry_run: bool = False,
    deadline: float = 60.0,
) -> Plan:  # fmt: skip
    """Bring the broker at ``url`` (``http://user:password@host:port``) to ``topology``; return what that took.

    Args:
        passwords: one for each user of the topology, by name.
        deadline: seconds for everything, the wait for a broker that is still starting included.

    Raises:
        ProvisioningFailed: something exists with other arguments, the API refused a call, or the deadline passed.
    """
    address = httpx.URL(url)
    if address.username in {user.name for user in topology.users}:
        raise ProvisioningFailed(f"{address.username} is a user of the topology and cannot be the administrator too")
    api = address.copy_with(username=None, password=None, raw_path=address.raw_path.rstrip(b"/") + b"/api")
    auth = (address.username, address.password)
    try:
        async with asyncio.timeout(deadline), httpx.AsyncClient(base_url=api, auth=auth, timeout=10.0) as client:
            plan = plan_changes(topology, await _read(client, vhost), passwords, vhost)
            if not dry_run:
                await _apply(client, plan)
                await _until_led(client, vhost, topology, settle=plan.new_queues)
            return plan
    except TimeoutError as error:
        raise ProvisioningFailed(
            f"the management API at {address.host}:{address.port} was not ready, or not every queue had a leader, "
            f"within {deadline:.0f} s: is RabbitMQ running with rabbitmq_management enabled?"
        ) from error


def plan_changes(topology: Topology, found: Found, passwords: Mapping[str, str], vhost: str) -> Plan:
    """Compare the topology with what the broker has; pure.

    Raises:
        ProvisioningFailed: an exchange or queue exists with other arguments; every difference is listed.
    """
    if drift := [*_exchange_drift(topology.exchanges, found), *_queue_drift(topology.queues, found)]:
        raise ProvisioningFailed(
            "\n".join([*drift, "Nothing was changed. Drain and delete what differs, or correct the topology."])
        )
    v = quote(vhost, safe="")
    bindings = [*_binding_changes(topology.bindings, found, v)]
    stages = (
        (*_new_exchanges(topology.exchanges, found, v), *_policy_changes(topology, found, v)),
        tuple(_new_queues(topology.queues, found, v)),
        tuple(bindings),
        tuple(_user_changes(topology.users, found, passwords)),
        tuple(_permission_changes(topology.users, found, v, vhost)),
    )
    wanted = sum(map(len, (topology.exchanges, topology.policies, topology.queues, topology.bindings)))
    changed = sum(change.verb != "remove" for stage in stages for change in stage)
    return Plan(stages, unchanged=wanted + 2 * len(topology.users) - changed, new_queues=bool(stages[1]))


def _exchange_drift(wanted: Iterable[Exchange], found: Found) -> Iterator[str]:
    rows = _by_name(found.exchanges)
    for exchange in wanted:
        if row := rows.get(exchange.name):
            has = {key: row[key] for key in ("type", "durable", "auto_delete", "internal")} | row["arguments"]
            wants = {"type": exchange.type, "durable": True, "auto_delete": False, "internal": False}
            yield from _differences(f"exchange {exchange.name}", wants | exchange.arguments, has)


def _queue_drift(wanted: Iterable[Queue], found: Found) -> Iterator[str]:
    rows = _by_name(found.queues)
    for queue in wanted:
        if row := rows.get(queue.name):
            has = {key: row[key] for key in ("durable", "auto_delete")} | row["arguments"]
            yield from _differences(
                f"queue {queue.name}", {"durable": True, "auto_delete": False} | queue.arguments, has
            )


def _differences(what: str, wanted: Arguments | dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            yield f"{what}: {key} should be {_shown(wanted, key)} and is {_shown(found, key)}"


def _shown(arguments: Mapping[str, Any], key: str) -> str:
    return repr(arguments[key]) if key in arguments else "absent"


def _new_exchanges(wanted: Iterable[Exchange], found: Found, v: str) -> Iterator[Change]:
    rows = _by_name(found.exchanges)
    for exchange in wanted:
        if exchange.name not in rows:
            body = {"type": exchange.type, "durable": True, "arguments": exchange.arguments}
            yield Change("create", f"exchange {exchange.name}", "PUT", f"/exchanges/{v}/{exchange.name}", body)


def _new_queues(wanted: Iterable[Queue], found: Found, v: str) -> Iterator[Change]:
    rows = _by_name(found.queues)
    for queue in wanted:
        if queue.name not in rows:
            body = {"durable": True, "arguments": queue.arguments}
            yield Change("create", f"queue {queue.name}", "PUT", f"/queues/{v}/{queue.name}", body)


def _policy_changes(topology: Topology, found: Found, v: str) -> Iterator[Change]:
    rows = _by_name(found.policies)
    for policy in topology.policies:
        body = {"pattern": policy.pattern, "definition": policy.definition, "apply-to": "queues", "priority": 0}
        row = rows.get(policy.name)
        if row is None or any(row.get(key) != value for key, value in body.items()):
            verb: Literal["create", "update"] = "update" if row else "create"
            yield Change(verb, f"policy {policy.name}", "PUT", f"/policies/{v}/{policy.name}", body)


def _binding_changes(wanted: Iterable[Binding], found: Found, v: str) -> Iterator[Change]:
    missing = {(binding.source, "queue", binding.destination, binding.routing_key): binding for binding in wanted}
    for row in found.bindings:
        known = missing.pop((row["source"], row["destination_type"], row["destination"], row["routing_key"]), None)
        if known is None and row["source"].startswith(INGRESS_PREFIX):
            kind = row["destination_type"][0]
            path = "/".join(quote(part, safe="") for part in (row["destination"], row["properties_key"]))
            what = f"grant of {row['routing_key']} from {row['source']} to {row['destination']}"
            yield Change("remove", what, "DELETE", f"/bindings/{v}/e/{row['source']}/{kind}/{path}")
    for binding in missing.values():
        what = f"binding {binding.source} → {binding.destination} for {binding.routing_key or 'everything'}"
        path = f"/bindings/{v}/e/{binding.source}/q/{binding.destination}"
        yield Change("create", what, "POST", path, {"routing_key": binding.routing_key, "arguments": {}})


def _user_changes(users: Iterable[User], found: Found, passwords: Mapping[str, str]) -> Iterator[Change]:
    rows = _by_name(found.users)
    for user in users:
        row = rows.get(user.name)
        if row is None or row["tags"] or not _is_password(passwords[user.name], row):
            body = {"password": passwords[user.name], "tags": ""}
            yield Change("update" if row else "create", f"user {user.name}", "PUT", f"/users/{user.name}", body)


def _is_password(password: str, row: Row) -> bool:
    # base64(salt + SHA-256(salt + password)), salt of 4 bytes: https://www.rabbitmq.com/docs/passwords
    if row.get("hashing_algorithm") != "rabbit_password_hashing_sha256":
        return False
    stored = base64.b64decode(row["password_hash"])
    return stored[4:] == hashlib.sha256(stored[:4] + password.encode()).digest()


def _permission_changes(users: Iterable[User], found: Found, v: str, vhost: str) -> Iterator[Change]:
    rows = {row["user"]: row for row in found.permissions if row["vhost"] == vhost}
    for user in users:
        body = {"configure": user.configure, "write": user.write, "read": user.read}
        row = rows.get(user.name)
        if row is None or any(row[key] != value for key, value in body.items()):
            verb: Literal["create", "update"] = "update" if row else "create"
            yield Change(verb, f"permissions of {user.name}", "PUT", f"/permissions/{v}/{user.name}", body)


def _by_name(rows: Iterable[Row]) -> dict[str, Row]:
    return {row["name"]: row for row in rows}


async def _read(client: httpx.AsyncClient, vhost: str) -> Found:
    v = quote(vhost, safe="")
    paths = (
        f"/exchanges/{v}?columns=name,type,durable,auto_delete,internal,arguments",
        f"/queues/{v}?columns=name,durable,auto_delete,arguments",
        f"/bindings/{v}",
        f"/policies/{v}",
        "/users",
        "/permissions",
    )
    # One before the others: a broker that is still starting is asked by one call in a loop and not by six.
    first = await _call(client, "GET", paths[0])
    rest = await asyncio.gather(*(_call(client, "GET", path) for path in paths[1:]))
    return Found(*(response.json() for response in (first, *rest)))


async def _apply(client: httpx.AsyncClient, plan: Plan) -> None:
    free = asyncio.Semaphore(CONCURRENT_CALLS)

    async def make(change: Change) -> None:
        async with free:
            await _call(client, change.method, change.path, change.body)

    for stage in plan.stages:
        try:
            async with asyncio.TaskGroup() as group:
                for change in stage:
                    group.create_task(make(change))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None


async def _until_led(client: httpx.AsyncClient, vhost: str, topology: Topology, *, settle: bool) -> None:
    path = f"/queues/{quote(vhost, safe='')}?columns=name,leader,online"
    while True:
        rows = _by_name((await _call(client, "GET", path)).json())
        if all(_is_led(rows.get(queue.name, {})) for queue in topology.queues):
            break
        await asyncio.sleep(0.1)
    if settle:
        await asyncio.sleep(SETTLE_SECONDS)


def _is_led(row: Row) -> bool:
    return row.get("leader") in (row.get("online") or ())


def _is_passing(error: Exception) -> bool:
    # A starting broker refuses connections, then answers 5xx until its metadata is loaded.
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
    return isinstance(error, httpx.TransportError)


async def _call(
    client: httpx.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None = None
) -> httpx.Response:
    try:
        async for attempt in stamina.retry_context(on=_is_passing, attempts=None, timeout=None, wait_max=2.0):
            with attempt:
                response = await client.request(method, path, json=body)
                response.raise_for_status()
    except httpx.HTTPStatusError as error:
        status, text = error.response.status_code, error.response.text[:300]
        raise ProvisioningFailed(f"{method} {path}: the management API answered {status} {text}") from error
    return response
