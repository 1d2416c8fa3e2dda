"""Accepting work: idempotency key, read-model row and command in one transaction, shared by concurrent callers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid5

from aiops_common.batching import Batcher
from aiops_common.logging import get_logger
from aiops_common.messaging.message import Outgoing, new_message_id
from aiops_common.messaging.names import PRINCIPAL_HEADER
from aiops_common.messaging.relay import HAND_OVER_LEASE_SECONDS, HandOver
from aiops_common.postgres import Connection, DatabaseUnavailable, Pool
from aiops_contracts.base import Message, Snapshot
from aiops_gateway.domain.access import Viewer
from aiops_gateway.repository import acceptance, read_model
from aiops_gateway.repository.read_model import Kind

_log = get_logger(__name__)

S = TypeVar("S", bound=Snapshot)

_NAMESPACE = UUID("6f0e3a52-5d7c-5b0f-9f0a-7f6f2b1d9c11")


_NOT_ASKED = {"sealed", "address"}
"""Fields of requests that differ each time that the same is asked: what is encrypted, and where it came from."""


class KeyReused(Exception):
    """The idempotency key was used before, for something else."""

    def __init__(self) -> None:
        super().__init__("this idempotency key was used before with another input; take a new key")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a piece of work is known by: its message id and, where the client gave a key, a digest of what it asked."""

    message_id: UUID
    digest: bytes | None

    @classmethod
    def of(cls, viewer: Viewer, operation: str, idempotency_key: str | None, asked: Message) -> "Identity":
        """UUIDv5 of (principal, operation, key), so that a repetition is the same message; UUIDv7 without a key."""
        return cls.under(viewer.principal, operation, idempotency_key, asked.model_dump_json(exclude=_NOT_ASKED))

    @classmethod
    def under(cls, owner: str, operation: str, idempotency_key: str | None, asked: str) -> "Identity":
        """As ``of``, for whoever ``owner`` names; equal keys of two owners have nothing to do with each other.

        The digest of ``asked`` is kept: nothing may stand in it that nobody may guess, like a password.
        """
        if idempotency_key is None:
            return cls(new_message_id(), None)
        name = f"{owner}\n{operation}\n{idempotency_key}"
        return cls(uuid5(_NAMESPACE, name), hashlib.sha256(asked.encode()).digest())


@dataclass(frozen=True, slots=True)
class Work(Generic[S]):
    """Work to accept: the row that readers see at once, and the command that gets it done."""

    identity: Identity
    kind: Kind[S]
    pending: S
    command: Outgoing


class Acceptance:
    """Accepts work through one group commit for all kinds."""

    def __init__(self, pool: Pool, hand_over: HandOver) -> None:
        self._pool = pool
        self._hand_over = hand_over
        self._batcher: Batcher[Work[Any], bool] = Batcher(
            self._flush, fails_all=lambda error: isinstance(error, DatabaseUnavailable)
        )

    async def accept(self, work: Work[S]) -> S:
        """The entity as it was accepted, also where the same key asked for the same before: equal answers to equal
        requests, whatever was done meanwhile.

        Raises:
            KeyReused: the key stands for something else.
            DatabaseUnavailable: nothing was accepted for certain.
        """
        message_id, message_type = work.identity.message_id, work.command.routing_key
        if await self._batcher.submit(work):
            principal = work.command.headers.get(PRINCIPAL_HEADER)
            _log.info("work.accepted", message_id=message_id, message_type=message_type, principal=principal)
            return work.pending
        async with self._pool.connection() as connection:
            await check_digest(connection, work.identity)
            current = await read_model.get(connection, work.kind, work.identity.message_id)
        _log.info("work.repeated", message_id=message_id, message_type=message_type)
        return _as_accepted(work.pending, current)

    async def _flush(self, batch: Sequence[Work[Any]]) -> list[bool]:
        first: dict[UUID, Work[Any]] = {}
        for work in batch:
            first.setdefault(work.identity.message_id, work)
        kinds = {work.kind.name: work.kind for work in first.values()}
        accepted: set[UUID] = set()
        # A single statement is a transaction of its own, and saves the round trips of one.
        async with self._pool.connection() if len(kinds) == 1 else self._pool.transaction() as connection:
            for kind in kinds.values():
                works = [(w.pending, w.identity.digest, w.command) for w in first.values() if w.kind is kind]
                accepted |= await acceptance.accept(connection, kind, works, lease_seconds=HAND_OVER_LEASE_SECONDS)
        self._hand_over([work.command for identity, work in first.items() if identity in accepted])
        return [work.identity.message_id in accepted and first[work.identity.message_id] is work for work in batch]


def _as_accepted(pending: S, current: S | None) -> S:
    """A repetition's pending entity with what the first request gave it: its time and its trace."""
    if current is None:
        return pending
    first = {"created_at": current.created_at, "updated_at": current.created_at, "trace_id": current.trace_id}
    return pending.model_copy(update=first)


async def check_digest(connection: Connection, identity: Identity) -> None:
    """Raises KeyReused where the key was first used for something else."""
    first = await acceptance.digests(connection, [identity.message_id])
    if identity.digest is not None and first.get(identity.message_id, identity.digest) != identity.digest:
        _log.info("idempotency_key.reused", message_id=identity.message_id)
        raise KeyReused


async def claim_key(pool: Pool, identity: Identity) -> None:
    """Record the key of work that is done by a request instead of a command.

    Raises:
        KeyReused: the key stands for something else.
    """
    if identity.digest is None:
        return
    async with pool.transaction() as connection:
        await acceptance.claim(connection, [acceptance.Key(identity.message_id, identity.digest)])
        await check_digest(connection, identity)
