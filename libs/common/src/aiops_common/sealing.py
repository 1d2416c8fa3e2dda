"""Text encrypted at rest, under keys that take turns.

A sealed text is: version (1 byte), length of the key's id (1 byte), the key's id, nonce (12 bytes), and the text,
zlib-compressed, under AES-256-GCM (NIST SP 800-38D). What it is about, a UUID, is authenticated with everything that
stands before the nonce: a sealed text that was moved to another row does not open.
"""

import base64
import binascii
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AfterValidator, SecretStr

MAX_BYTES: Final = 16 * 1024 * 1024
"""Largest text that is sealed, in bytes of UTF-8; nothing that unpacks to more is opened."""

_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_KEY_ID = re.compile(r"[a-z0-9._-]{1,40}")
_ZLIB_LEVEL: Final = 1
_FORM: Final = 'must be a JSON list of "id:key", id 1 to 40 of a-z 0-9 . _ -, key 32 bytes in base64'


class UnknownKey(ValueError):
    """It is sealed under a key that is not in the keyring."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"sealed under the key {key_id!r}, which is not among the keys that are set; add it again")
        self.key_id = key_id


class NotOpenable(ValueError):
    """It was not sealed here, was changed since, or is about something else."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by their ids; the first seals, each opens what it sealed.

    Nonces are random: seal at most 2^32 texts under one key (SP 800-38D, 8.3).
    """

    _keys: Mapping[str, AESGCM] = field(repr=False)

    @classmethod
    def parse(cls, setting: SecretStr) -> Self:
        """The keys of a JSON list like ``["2026-11:<base64 of 32 bytes>"]``.

        Raises ValueError, which tells the rule that is broken and nothing of the value.
        """
        keys: dict[str, AESGCM] = {}
        for entry in _entries(setting.get_secret_value()):
            key_id, _, encoded = entry.partition(":")
            if not _KEY_ID.fullmatch(key_id):
                raise ValueError(_FORM)
            if key_id in keys:
                raise ValueError(f"{_FORM}; every id once")
            keys[key_id] = AESGCM(_key(encoded))
        return cls(keys)

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        return next(iter(self._keys))

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._keys

    def seal(self, text: str, *, about: UUID) -> bytes:
        """``text`` encrypted under the first key. Raises ValueError where it is larger than MAX_BYTES."""
        plain = text.encode()
        if len(plain) > MAX_BYTES:
            raise ValueError(f"at most {MAX_BYTES} bytes are sealed, not {len(plain)}")
        key_id = self.newest
        head = bytes((_VERSION, len(key_id))) + key_id.encode()
        nonce = os.urandom(_NONCE_BYTES)
        packed = zlib.compress(plain, level=_ZLIB_LEVEL)
        return head + nonce + self._keys[key_id].encrypt(nonce, packed, head + about.bytes)

    def open(self, sealed: bytes, *, about: UUID) -> str:
        """The text that was sealed.

        Raises:
            UnknownKey: the key it was sealed under is not here.
            NotOpenable: it is not sealed text, was changed, or is about something else.
        """
        name = key_id(sealed)
        if name not in self._keys:
            raise UnknownKey(name)
        head = sealed[: 2 + len(name)]
        nonce, body = sealed[len(head) : len(head) + _NONCE_BYTES], sealed[len(head) + _NONCE_BYTES :]
        try:
            return _unpacked(self._keys[name].decrypt(nonce, body, head + about.bytes)).decode()
        except (InvalidTag, ValueError, zlib.error):  # the causes hold pieces of the text
            raise NotOpenable("was not sealed with this key for this id, or was changed since") from None


def key_id(sealed: bytes) -> str:
    """The id of the key that ``sealed`` is sealed under. Raises NotOpenable where it is not sealed text."""
    if len(sealed) < 2 or sealed[0] != _VERSION:
        raise NotOpenable(f"is not sealed text of version {_VERSION}")
    name = sealed[2 : 2 + sealed[1]].decode("latin-1")
    if len(name) != sealed[1] or not _KEY_ID.fullmatch(name):
        raise NotOpenable("does not name the key it is sealed under")
    return name


def _entries(value: str) -> list[str]:
    try:
        entries = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError(_FORM) from None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, str) for entry in entries):
        raise ValueError(_FORM)
    return entries


def _key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(_FORM) from None
    if len(key) != _KEY_BYTES:
        raise ValueError(_FORM)
    return key


def _unpacked(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    plain = unpacking.decompress(packed, MAX_BYTES)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("unpacks to too much, or to nothing whole")
    return plain


def _parsable(setting: SecretStr) -> SecretStr:
    Keyring.parse(setting)
    return setting


KeyringSetting = Annotated[SecretStr, AfterValidator(_parsable)]
"""The type of a setting that ``Keyring.parse`` reads; a wrong one is refused at the start."""
