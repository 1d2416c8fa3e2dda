"""A service whose way to the broker leads through a proxy that can spoil it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from aiops_common.testing.tcp_proxy import Faults, TcpProxy
from support.stack import RunningStack


@asynccontextmanager
async def behind_proxy(stack: RunningStack, service: str) -> AsyncIterator[TcpProxy]:
    """The service, started anew with its connections to RabbitMQ through a proxy; as before when this ends."""
    variable = f"{service.upper()}_AMQP_URL"
    direct = URL(stack.stack.services.serve(service, scripted_llm=False).environment[variable])
    async with TcpProxy("127.0.0.1", stack.stack.rabbitmq.port) as proxy:
        try:
            await stack.serve(service, environment={variable: str(direct.with_port(proxy.port))})
            yield proxy
        finally:
            proxy.faults = Faults()
            await stack.serve(service)
