"""A worker before its broker is there."""

from aio_pika.abc import AbstractIncomingMessage

from aiops_common.messaging.worker import Worker


async def _process(_message: AbstractIncomingMessage) -> None:
    return None


async def test_a_worker_that_never_started_is_not_consuming_and_can_be_stopped() -> None:
    worker = Worker("amqp://shop@localhost/", name="shop")
    worker.subscribe("shop.work", _process, prefetch=1)
    assert not worker.is_consuming
    await worker.stop()
    assert not worker.is_consuming
