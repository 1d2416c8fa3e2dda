"""Looking into queues without taking anything out."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import aio_pika
import httpx
import orjson
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from aiops_common.messaging.names import REASON_HEADER


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that lies in a queue; ``ids`` are those in its properties and in its envelope, as far as they are."""

    queue: str
    ids: frozenset[UUID]
    reason: str
    attempts: int


async def peek(amqp_url: str, *queues: str) -> list[Waiting]:
    """Every message that is ready in ``queues``; all of them go back, with one delivery more on their count.

    A queue that does not exist holds nothing.
    """
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        return [message for queue in queues for message in await _held_by(connection, queue)]


async def _held_by(connection: AbstractConnection, name: str) -> list[Waiting]:
    found = []
    # Closing the channel returns what was not acknowledged.
    async with connection.channel() as channel:
        try:
            queue = await channel.declare_queue(name, passive=True)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return []
        for _ in range(queue.declaration_result.message_count or 0):
            message = await queue.get(no_ack=False, fail=False)
            if message is None:
                break
            found.append(_waiting(name, message))
    return found


def _waiting(queue: str, message: AbstractIncomingMessage) -> Waiting:
    reason, attempts = message.headers.get(REASON_HEADER), message.headers.get("x-aiops-attempt")
    return Waiting(
        queue=queue,
        ids=frozenset(_uuids((message.message_id, _envelope_id(message.body)))),
        reason=str(reason) if reason else "broker" if "x-death" in message.headers else "",
        attempts=attempts if isinstance(attempts, int) else 0,
    )


def _envelope_id(body: bytes) -> object:
    try:
        return orjson.loads(body)["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _uuids(values: Iterable[object]) -> Iterable[UUID]:
    for value in values:
        try:
            yield UUID(str(value))
        except ValueError:
            continue


async def in_hand(management_url: str, *queues: str) -> int:
    """How many messages of ``queues`` are with consumers, as of a few seconds ago."""
    url = httpx.URL(management_url)
    auth = (url.username, url.password)
    async with httpx.AsyncClient(auth=auth, timeout=10, trust_env=False) as http:
        api = url.copy_with(username=None, password=None, path="/api/queues")
        response = await http.get(api, params={"columns": "name,messages_unacknowledged"})
        response.raise_for_status()
        return sum(row.get("messages_unacknowledged", 0) for row in response.json() if row["name"] in queues)
