"""Changes as they happen, for subscriptions: who waits for what, woken by the database's notifications."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

from aiops_common.postgres import RECONNECTED, Listener
from aiops_gateway.repository.read_model import CHANGES_CHANNEL, KINDS

if TYPE_CHECKING:
    from aiops_gateway.service.viewers import Viewers

MAX_WAITING: Final = 1000
"""Changed entities that may wait for one subscriber."""

LOOK_AGAIN_SECONDS: Final = 15.0
"""How long a subscriber is believed without a look at their right to subscribe, while there is nothing to tell."""

_VIEWER: Final = "viewer"
_ACCOUNTS: Final = frozenset({"user", "apiKey"})

Key: TypeAlias = tuple[str, UUID | None]
"""What a subscriber is found by: a kind of entity with an id, a kind alone, or "viewer" with the id of who reads."""


class SlowReader(Exception):
    """A subscriber did not read for so long that changes would have to be dropped."""


class ChangesMissed(Exception):
    """Nobody can tell what changed meanwhile: who shows many entities has to read them again."""


class Subscriber:
    """Ids of changed entities of one kind; an id that is already waiting is not queued twice."""

    __slots__ = ("_doubted", "_failure", "_look_again_seconds", "_only", "_waiting", "_wake")

    def __init__(self, only: UUID | None, *, look_again_seconds: float = LOOK_AGAIN_SECONDS) -> None:
        self._only = only
        self._look_again_seconds = look_again_seconds
        self._waiting: dict[UUID, None] = {}
        self._wake = asyncio.Event()
        self._doubted = False
        self._failure: type[SlowReader | ChangesMissed] | None = None

    def offer(self, changed: Mapping[UUID, None]) -> None:
        """Tell of changes; all of them concern this subscriber."""
        self._waiting.update(changed)
        if len(self._waiting) > MAX_WAITING:
            self._fail(SlowReader)
        self._wake.set()

    def refresh(self) -> None:
        """Changes may have been missed: look again at the one entity, or give up where it may be any of them."""
        if self._only is None:
            self._fail(ChangesMissed)
        else:
            self._waiting[self._only] = None
        self._wake.set()

    def doubt(self) -> None:
        """Who reads may no longer have the right to."""
        self._doubted = True
        self._wake.set()

    def _fail(self, failure: type[SlowReader | ChangesMissed]) -> None:
        self._failure = self._failure or failure
        self._waiting.clear()

    async def changes(self) -> AsyncIterator[UUID | None]:
        """Ids as they change, for ever; None whenever it is time to look whether the subscriber may still read.

        Raises:
            SlowReader: too many changes are waiting.
            ChangesMissed: changes may have been missed, and no single entity is watched.
        """
        while True:
            await self._woken()
            self._wake.clear()
            while self._waiting or self._failure:
                if self._failure is SlowReader:
                    raise SlowReader("you read too slowly; subscribe again, then read again what you show")
                if self._failure is ChangesMissed:
                    raise ChangesMissed("changes may have been missed; subscribe again, then read again what you show")
                identity = next(iter(self._waiting))
                del self._waiting[identity]
                yield identity
            if self._doubted:
                self._doubted = False
                yield None

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(self._look_again_seconds):
                await self._wake.wait()
        except TimeoutError:
            self._doubted = True


class Changes:
    """Hands the notifications of the database on to the subscribers of this process."""

    def __init__(
        self, listener: Listener, viewers: "Viewers", *, look_again_seconds: float = LOOK_AGAIN_SECONDS
    ) -> None:
        self._viewers = viewers
        self._look_again_seconds = look_again_seconds
        self._subscribers: dict[Key, set[Subscriber]] = {}
        listener.subscribe(CHANGES_CHANNEL, self._on_notification)

    @contextmanager
    def subscribe(self, kind: str, only: UUID | None, viewer_id: UUID) -> Iterator[Subscriber]:
        """A subscriber to one kind of entity, or to one entity of it, for as long as the context lasts."""
        subscriber = Subscriber(only, look_again_seconds=self._look_again_seconds)
        keys: tuple[Key, Key] = ((kind, only), (_VIEWER, viewer_id))
        for key in keys:
            self._subscribers.setdefault(key, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            for key in keys:
                self._subscribers[key].discard(subscriber)
                if not self._subscribers[key]:
                    del self._subscribers[key]

    def _on_notification(self, payload: str) -> None:
        if payload == RECONNECTED:
            self._refresh()
            return
        kind, _, ids = payload.partition(":")
        if kind == "signingKey":
            self._viewers.forget_keys()
        elif kind in _ACCOUNTS:
            viewer_id = UUID(ids)
            self._viewers.forget(viewer_id)
            for subscriber in self._subscribers.get((_VIEWER, viewer_id), ()):
                subscriber.doubt()
        elif kind in KINDS:
            self._tell(kind, dict.fromkeys(map(UUID, ids.split(","))))

    def _tell(self, kind: str, changed: Mapping[UUID, None]) -> None:
        for subscriber in self._subscribers.get((kind, None), ()):
            subscriber.offer(changed)
        for identity in changed:
            for subscriber in self._subscribers.get((kind, identity), ()):
                subscriber.offer({identity: None})

    def _refresh(self) -> None:
        self._viewers.forget(None)
        self._viewers.forget_keys()
        for (kind, _), group in self._subscribers.items():
            if kind != _VIEWER:
                for subscriber in group:
                    subscriber.refresh()
