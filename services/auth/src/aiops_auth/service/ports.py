"""What the use cases are handed by whoever wires them."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from uuid import UUID

from aiops_common.postgres import Connection
from aiops_contracts.base import Event

Transactions = Callable[[], AbstractAsyncContextManager[Connection]]
Publish = Callable[[Connection, Sequence[tuple[Event, UUID]]], Awaitable[None]]
"""Adds events, each with the id of what it is about, to the outbox within the connection's transaction."""
Clock = Callable[[], datetime]
"""Tells aware UTC times."""
