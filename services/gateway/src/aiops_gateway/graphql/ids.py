"""Relay global ids as the library knows them."""

from uuid import UUID

import strawberry

from aiops_gateway.domain import ids
from aiops_gateway.domain.ids import from_global_id

__all__ = ["from_global_id", "to_global_id", "uuid_of"]


def to_global_id(type_name: str, identity: UUID) -> strawberry.ID:
    """The global id of an object."""
    return strawberry.ID(ids.to_global_id(type_name, identity))


def uuid_of(global_id: str, type_name: str) -> UUID | None:
    """The UUID behind the global id of an object of ``type_name``; None for any other text."""
    parsed = from_global_id(global_id)
    return parsed[1] if parsed is not None and parsed[0] == type_name else None
