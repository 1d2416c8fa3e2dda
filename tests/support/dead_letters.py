"""Dead letters as an operator finds them."""

from aio_pika.abc import AbstractIncomingMessage

from support.eventually import eventually
from support.queues import take
from support.stack import RunningStack


async def next_dead(
    stack: RunningStack, queue: str = "triage.dead", *, seconds: float = 30.0
) -> AbstractIncomingMessage:
    """The next dead letter, removed from its queue."""
    letter = await eventually(lambda: take(stack.amqp_url, queue), seconds=seconds)
    assert letter is not None
    return letter
