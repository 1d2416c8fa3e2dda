"""Updates that requests ask for: each at most once, and only of the version that whoever asks has seen."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from aiops_common.messaging import inbox, outbox
from aiops_common.messaging.effects import Store
from aiops_common.messaging.message import Delivery, outgoing
from aiops_common.messaging.names import EVENTS_EXCHANGE
from aiops_common.postgres import Connection
from aiops_contracts.base import Event


class Versioned(Protocol):
    """What an entity needs for it."""

    @property
    def id(self) -> UUID:
        """Its identity."""

    @property
    def version(self) -> int:
        """One more with each change."""


E = TypeVar("E", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Settled(Generic[E]):
    """What there is to answer where nothing is to be changed: UPDATED is what this very request led to before."""

    outcome: Literal["NOT_FOUND", "UPDATED", "VERSION_CONFLICT"]
    entity: E | None


class Updates(Generic[E]):
    """The two halves of an update, in one transaction; what is decided between them is the service's."""

    def __init__(self, store: Store[E], *, source: str) -> None:
        self._store = store
        self._source = source

    async def begin(
        self, connection: Connection, delivery: Delivery[Any], entity_id: UUID, expected_version: int
    ) -> E | Settled[E]:
        """The entity, locked until the transaction ends; or why this request is not to change it (any more).

        Raises:
            Poison: another request of the same id had its effect.
        """
        entity = await self._store.get_for_update(connection, entity_id)
        if entity is None:
            return Settled("NOT_FOUND", None)
        # Behind the lock: a delivery of the same request that was faster has ended by now.
        if await inbox.is_done(connection, delivery):
            return Settled("UPDATED", entity)
        return entity if entity.version == expected_version else Settled("VERSION_CONFLICT", entity)

    async def write(
        self, connection: Connection, delivery: Delivery[Any], before: E, after: E, *, kind: str, event: Event
    ) -> None:
        """Store ``after`` with its change, and tell of it; ``kind`` is what the entity's history calls the change.

        Raises:
            Poison: another request of the same id, about another entity, had its effect meanwhile.
        """
        if not await inbox.claim(connection, delivery.id, delivery.message.message_type, delivery.digest):
            raise inbox.id_reused()
        await self._store.save(connection, [after])
        if (history := self._store.history) is not None:
            change = history.change(before, after, kind, changed_by=delivery.principal)
            await history.append(connection, change)
        told = outgoing(event, exchange=EVENTS_EXCHANGE, source=self._source, subject=str(after.id))
        await outbox.append(connection, [told])
