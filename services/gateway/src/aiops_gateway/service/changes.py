"""Changes as they happen, for subscriptions: who waits for what, woken by the database's notifications."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from aiops_common.postgres import RECONNECTED, Listener
from aiops_gateway.repository.read_model import CHANGES_CHANNEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiops_gateway.service.viewers import Viewers

_MAX_WAITING = 1000


class SlowReader(Exception):
    """A subscriber did not read for so long that changes would have to be dropped."""


class Subscriber:
    """Ids of changed entities of one kind; an id that is already waiting is not queued twice."""

    def __init__(self, only: UUID | None) -> None:
        self._only = only
        self._waiting: dict[UUID, None] = {}
        self._wake = asyncio.Event()
        self._overflown = False

    def offer(self, identity: UUID) -> None:
        """Tell of a change."""
        if self._only is not None and identity != self._only:
            return
        if len(self._waiting) >= _MAX_WAITING:
            self._overflown = True
        else:
            self._waiting[identity] = None
        self._wake.set()

    def refresh(self) -> None:
        """Changes may have been missed: look again at the one entity that is being watched."""
        if self._only is not None:
            self.offer(self._only)

    async def changes(self) -> AsyncIterator[UUID]:
        """Ids as they change, for ever.

        Raises:
            SlowReader: too many changes are waiting.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                if self._overflown:
                    raise SlowReader("you read too slowly; subscribe again and re-read what you show")
                identity = next(iter(self._waiting))
                del self._waiting[identity]
                yield identity


class Changes:
    """Hands the notifications of the database on to the subscribers of this process."""

    def __init__(self, listener: Listener, viewers: "Viewers") -> None:
        self._viewers = viewers
        self._subscribers: dict[str, set[Subscriber]] = {}
        listener.subscribe(CHANGES_CHANNEL, self._on_notification)

    @contextmanager
    def subscribe(self, kind: str, only: UUID | None) -> "Iterator[Subscriber]":
        """A subscriber to one kind of entity, or to one entity of it, for as long as the context lasts."""
        subscriber = Subscriber(only)
        group = self._subscribers.setdefault(kind, set())
        group.add(subscriber)
        try:
            yield subscriber
        finally:
            group.discard(subscriber)

    def _on_notification(self, payload: str) -> None:
        if payload == RECONNECTED:
            self._viewers.forget(None)
            self._viewers.forget_keys()
            for group in self._subscribers.values():
                for subscriber in group:
                    subscriber.refresh()
            return
        kind, _, ids = payload.partition(":")
        if kind == "signingKey":
            self._viewers.forget_keys()
        elif kind == "user":
            self._viewers.forget(UUID(ids))
        elif subscribers := self._subscribers.get(kind):
            for identity in map(UUID, ids.split(",")):
                for subscriber in subscribers:
                    subscriber.offer(identity)
