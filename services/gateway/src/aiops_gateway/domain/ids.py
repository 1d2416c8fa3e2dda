"""Relay global ids: opaque to clients, type and UUID to us."""

import base64
import binascii
from uuid import UUID


def to_global_id(type_name: str, identity: UUID) -> str:
    """The global id of an object."""
    return base64.urlsafe_b64encode(f"{type_name}:{identity}".encode()).decode().rstrip("=")


def from_global_id(global_id: str) -> tuple[str, UUID] | None:
    """Type name and UUID; None for a text that is not one of our ids."""
    try:
        raw = base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4)).decode()
        type_name, _, identity = raw.partition(":")
        return type_name, UUID(identity)
    except (ValueError, binascii.Error):
        return None
