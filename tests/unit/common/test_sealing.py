"""Text encrypted at rest."""

import base64
import json
import os
import zlib
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from aiops_common.sealing import MAX_BYTES, Keyring, NotOpenable, UnknownKey, key_id

ABOUT = UUID("018f0000-0000-7000-8000-000000000001")
OLD, NEW = (os.urandom(32) for _ in range(2))


def _keyring(**keys: bytes) -> Keyring:
    return Keyring.parse(
        SecretStr(json.dumps([f"{name}:{base64.b64encode(key).decode()}" for name, key in keys.items()]))
    )


@given(st.text(st.characters(exclude_categories=["Cs"])), st.uuids())
def test_what_is_sealed_opens_to_the_same_text(text: str, about: UUID) -> None:
    keyring = _keyring(a=NEW)
    sealed = keyring.seal(text, about=about)
    assert keyring.open(sealed, about=about) == text
    assert key_id(sealed) == "a"


def test_sealed_text_tells_nothing_and_never_looks_the_same() -> None:
    keyring = _keyring(a=NEW)
    one, other = (keyring.seal("ada@example.com " * 50, about=ABOUT) for _ in range(2))
    assert b"ada@" not in one
    assert one != other


def test_the_first_key_seals_and_all_open() -> None:
    before = _keyring(old=OLD).seal("text", about=ABOUT)
    turned = _keyring(new=NEW, old=OLD)
    assert turned.open(before, about=ABOUT) == "text"
    assert key_id(turned.seal("text", about=ABOUT)) == "new" == turned.newest


def test_a_key_that_is_gone_is_named() -> None:
    sealed = _keyring(old=OLD).seal("text", about=ABOUT)
    with pytest.raises(UnknownKey, match="'old'") as caught:
        _keyring(new=NEW).open(sealed, about=ABOUT)
    assert caught.value.key_id == "old"


def test_another_key_of_the_same_id_does_not_open() -> None:
    sealed = _keyring(a=OLD).seal("text", about=ABOUT)
    with pytest.raises(NotOpenable):
        _keyring(a=NEW).open(sealed, about=ABOUT)


def test_what_was_sealed_about_something_else_does_not_open() -> None:
    sealed = _keyring(a=NEW).seal("text", about=ABOUT)
    with pytest.raises(NotOpenable):
        _keyring(a=NEW).open(sealed, about=uuid4())


def test_no_byte_can_be_changed_or_left_out() -> None:
    keyring = _keyring(a=NEW, b=NEW)
    sealed = keyring.seal("text", about=ABOUT)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 3  # turns the key id "a" into "b", which is the same key: authenticated all the same
        for wrong in (bytes(changed), sealed[:position], sealed + bytes(position + 1)):
            with pytest.raises((NotOpenable, UnknownKey)):
                keyring.open(wrong, about=ABOUT)


@given(st.binary(max_size=200))
def test_anything_else_does_not_open(data: bytes) -> None:
    with pytest.raises((NotOpenable, UnknownKey)):
        _keyring(a=NEW).open(data, about=ABOUT)


def test_neither_seals_nor_unpacks_more_than_it_may() -> None:
    keyring = _keyring(a=NEW)
    with pytest.raises(ValueError, match=str(MAX_BYTES)):
        keyring.seal("a" * (MAX_BYTES + 1), about=ABOUT)
    head, nonce = b"\x01\x01a", os.urandom(12)
    bomb = zlib.compress(bytes(MAX_BYTES + 1))
    with pytest.raises(NotOpenable):
        keyring.open(head + nonce + AESGCM(NEW).encrypt(nonce, bomb, head + ABOUT.bytes), about=ABOUT)
    largest = "a" * MAX_BYTES
    assert keyring.open(keyring.seal(largest, about=ABOUT), about=ABOUT) == largest


def test_a_keyring_does_not_show_its_keys() -> None:
    assert "AESGCM" not in repr(_keyring(a=NEW))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "hunter2",
        "[" * 100_000,
        "{}",
        "[]",
        "[1]",
        '["hunter2"]',
        '["a:hunter2"]',
        '["a:aHVudGVyMg=="]',
        json.dumps([f"A:{base64.b64encode(NEW).decode()}"]),
        json.dumps([f"{'a' * 41}:{base64.b64encode(NEW).decode()}"]),
        json.dumps([f":{base64.b64encode(NEW).decode()}"]),
        json.dumps([f"a\n:{base64.b64encode(NEW).decode()}"]),
        json.dumps([f"a:{base64.b64encode(NEW).decode()}"] * 2),
        json.dumps([f"a:{base64.b64encode(NEW).decode()} "]),
    ],
)
def test_a_wrong_keyring_is_told_by_its_rule(value: str) -> None:
    with pytest.raises(ValueError, match="must be a JSON list") as caught:
        Keyring.parse(SecretStr(value))
    assert caught.value.__cause__ is None
    assert "hunter2" not in str(caught.value)
    assert base64.b64encode(NEW).decode() not in str(caught.value)
