"""Relay global ids: opaque to clients, type and UUID to us."""

import base64
import binascii
from uuid import UUID

import strawberry


def to_global_id(type_name: str, identity: UUID) -> strawberry.ID:
    """The global id of an object."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{type_name}:{identity}".encode()).decode().rstrip("="))


def from_global_id(global_id: str) -> tuple[str, UUID] | None:
    """Type name and UUID; None for a text that is not one of our ids."""
    try:
        raw = base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4)).decode()
        type_name, _, identity = raw.partition(":")
        return type_name, UUID(identity)
    except (ValueError, binascii.Error):
        return None


def uuid_of(global_id: str, type_name: str) -> UUID | None:
    """The UUID behind the global id of an object of ``type_name``; None for any other text."""
    parsed = from_global_id(global_id)
    return parsed[1] if parsed is not None and parsed[0] == type_name else None
