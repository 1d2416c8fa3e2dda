"""Sealed credentials as somebody on the broker would forge them: everything but the real thing is just unknown."""

import base64
import json
import os
from dataclasses import replace
from typing import Any

import pytest
from jose import jwe

from aiops_auth.domain import StoredCredentialKey
from aiops_auth.tokens import CredentialCipher, CredentialKeyUnreadable, content_key, credential_kid, seal_answer
from support.sealing_credentials import new_answer_key, seal_bytes

SECRET = b'{"password": "a rather long sentence"}'


@pytest.fixture(scope="module")
def cipher(master_key: bytes) -> CredentialCipher:
    return CredentialCipher(master_key)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def with_header(sealed: str, header: Any) -> str:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return f"{_text(text)}.{sealed.split('.', 1)[1]}"


def test_what_is_encrypted_to_a_key_opens(cipher: CredentialCipher, credential_key: StoredCredentialKey) -> None:
    sealed = seal_bytes(SECRET, credential_key.jwk)
    assert credential_kid(sealed) == credential_key.kid
    assert cipher.open_credentials(sealed, credential_key) == SECRET


def test_the_public_half_is_an_rsa_key_of_3072_bits_and_nothing_private(credential_key: StoredCredentialKey) -> None:
    jwk = credential_key.jwk
    assert set(jwk) == {"kty", "n", "e", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["use"], jwk["alg"], jwk["e"]) == ("RSA", "enc", "RSA-OAEP-256", "AQAB")
    assert int.from_bytes(base64.urlsafe_b64decode(jwk["n"] + "=="), "big").bit_length() == 3072
    assert "PRIVATE" not in repr(credential_key)
    assert "sealed" not in repr(credential_key)


@pytest.mark.parametrize("algorithm", ["RSA1_5", "RSA-OAEP", "dir", "A256KW", "none", "ECDH-ES", "PBES2-HS256+A128KW"])
def test_no_other_algorithm_is_followed(
    cipher: CredentialCipher, credential_key: StoredCredentialKey, algorithm: str
) -> None:
    sealed = with_header(
        seal_bytes(SECRET, credential_key.jwk), {"alg": algorithm, "enc": "A256GCM", "kid": credential_key.kid}
    )
    assert credential_kid(sealed) is None
    assert cipher.open_credentials(sealed, credential_key) is None


@pytest.mark.parametrize("algorithm", ["RSA1_5", "RSA-OAEP"])
def test_what_another_algorithm_really_encrypted_does_not_open(
    cipher: CredentialCipher, credential_key: StoredCredentialKey, algorithm: str
) -> None:
    jwk = {**credential_key.jwk, "alg": algorithm}
    sealed = jwe.encrypt(SECRET, jwk, algorithm=algorithm, encryption="A256GCM", kid=credential_key.kid).decode()
    assert cipher.open_credentials(sealed, credential_key) is None


@pytest.mark.parametrize(
    "beside",
    [
        {"enc": "A128GCM"},
        {"enc": "A256CBC-HS512"},
        {"zip": "DEF"},
        {"zip": None},
        {"crit": ["exp"]},
        {"jku": "https://attacker.example/keys"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"p2c": 10**9, "p2s": "AA"},
        {"kid": 7},
        {"kid": None},
        {"kid": ["a"]},
    ],
)
def test_a_header_with_anything_beside_is_unknown(
    cipher: CredentialCipher, credential_key: StoredCredentialKey, beside: dict[str, Any]
) -> None:
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "kid": credential_key.kid, **beside}
    sealed = with_header(seal_bytes(SECRET, credential_key.jwk), header)
    assert credential_kid(sealed) is None
    assert cipher.open_credentials(sealed, credential_key) is None


def test_compressed_credentials_are_not_decompressed(
    cipher: CredentialCipher, credential_key: StoredCredentialKey
) -> None:
    bomb = jwe.encrypt(
        b"a" * 200_000, dict(credential_key.jwk), algorithm="RSA-OAEP-256", encryption="A256GCM", zip="DEF",
        kid=credential_key.kid,
    ).decode()  # fmt: skip
    assert len(bomb) < 2_000
    assert cipher.open_credentials(bomb, credential_key) is None


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"[]", b'"kid"', b"null", b"\xff\xfe", b"[" * 200, b'{"kid": ' + b"9" * 200 + b"}", b"{}" + b" " * 290],
)
def test_a_header_that_is_no_object_of_ours_is_unknown(credential_key: StoredCredentialKey, header: bytes) -> None:
    assert credential_kid(with_header(seal_bytes(SECRET, credential_key.jwk), header)) is None


@pytest.mark.parametrize("text", ["", ".", "....", "a.b.c.d.e", "x" * 8192, "\n", "é....", "=" * 600, "." * 8192])
def test_what_has_another_shape_is_unknown(
    cipher: CredentialCipher, credential_key: StoredCredentialKey, text: str
) -> None:
    assert credential_kid(text) is None
    assert cipher.open_credentials(text, credential_key) is None


@pytest.mark.parametrize("part", range(5))
def test_each_part_is_authenticated(cipher: CredentialCipher, credential_key: StoredCredentialKey, part: int) -> None:
    parts = seal_bytes(SECRET, credential_key.jwk).split(".")
    other = seal_bytes(SECRET, credential_key.jwk).split(".")
    other[0] = with_header(".".join(parts), b'{"kid":"%s","alg":"RSA-OAEP-256","enc":"A256GCM"}' % (
        credential_key.kid.encode()
    )).split(".")[0]  # fmt: skip
    parts[part] = other[part]
    assert cipher.open_credentials(".".join(parts), credential_key) is None


def test_another_key_does_not_open(
    cipher: CredentialCipher, master_key: bytes, credential_key: StoredCredentialKey
) -> None:
    other = CredentialCipher(master_key).new_credential_key(credential_key.created_at)
    assert cipher.open_credentials(seal_bytes(SECRET, other.jwk), credential_key) is None
    posing = {**other.jwk, "kid": credential_key.kid}
    assert cipher.open_credentials(seal_bytes(SECRET, posing), credential_key) is None


def test_a_private_half_opens_with_its_master_key_and_in_its_row_only(credential_key: StoredCredentialKey) -> None:
    with pytest.raises(CredentialKeyUnreadable, match="AUTH_MASTER_KEY"):
        CredentialCipher(os.urandom(32)).open_key(credential_key)
    with pytest.raises(CredentialKeyUnreadable):
        CredentialCipher(os.urandom(32)).open_key(replace(credential_key, sealed_private_key=b""))


def test_a_sealed_key_in_another_row_does_not_open(master_key: bytes, credential_key: StoredCredentialKey) -> None:
    with pytest.raises(CredentialKeyUnreadable):
        CredentialCipher(master_key).open_key(replace(credential_key, kid="another"))


def test_an_answer_opens_with_its_answer_key_only() -> None:
    key = new_answer_key()
    sealed = seal_answer(SECRET, key)
    assert json.loads(base64.urlsafe_b64decode(sealed.split(".")[0] + "==")) == {"alg": "dir", "enc": "A256GCM"}
    opened = content_key(key)
    assert opened is not None
    assert jwe.decrypt(sealed, opened) == SECRET
    with pytest.raises(jwe.JWEError):
        jwe.decrypt(sealed, os.urandom(32))
    assert seal_answer(SECRET, key) != sealed


@pytest.mark.parametrize("key", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "é" * 43, "A" * 8000])
def test_what_is_no_answer_key_is_refused(key: str) -> None:
    assert content_key(key) is None
    with pytest.raises(ValueError, match="32 bytes in base64url"):
        seal_answer(SECRET, key)
