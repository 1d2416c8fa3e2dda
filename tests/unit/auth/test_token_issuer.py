import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives import serialization
from jose import jwt

from aiops_auth.domain import Role, new_account
from aiops_auth.tokens import SigningKeyUnreadable, refresh_token_digest
from unit.auth.harness import issuer

NOW = datetime(2024, 5, 1, 12, 0, 0, 987_654, tzinfo=UTC)
ADA = new_account("ada@example.org", "Ada", Role.OPS, password_hash="$argon2id$", now=NOW)


def test_an_access_token_says_who_for_how_long_and_verifies_with_the_public_key() -> None:
    tokens = issuer(os.urandom(32))
    key = tokens.new_signing_key(NOW)
    token, expires_at = tokens.access_token(ADA, key, NOW)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": key.kid}
    claims = cast(
        "dict[str, Any]",
        jwt.decode(
            token,
            dict(key.jwk),
            algorithms=["ES256"],
            audience="aiops",
            issuer="aiops-auth",
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
        ),
    )
    issued = int(NOW.timestamp())
    assert claims.pop("jti")
    assert claims == {
        "iss": "aiops-auth",
        "aud": "aiops",
        "sub": str(ADA.id),
        "iat": issued,
        "nbf": issued,
        "exp": issued + 600,
        "typ": "access",
        "role": "OPS",
    }
    assert expires_at == datetime.fromtimestamp(issued + 600, UTC)


def test_no_two_tokens_have_the_same_id() -> None:
    tokens = issuer(os.urandom(32))
    key = tokens.new_signing_key(NOW)
    ids = {jwt.get_unverified_claims(tokens.access_token(ADA, key, NOW)[0])["jti"] for _ in range(20)}
    assert len(ids) == 20


def test_a_token_of_another_key_does_not_verify() -> None:
    tokens = issuer(os.urandom(32))
    one, other = tokens.new_signing_key(NOW), tokens.new_signing_key(NOW)
    token, _ = tokens.access_token(ADA, one, NOW)
    with pytest.raises(jwt.JWTError):
        jwt.decode(token, dict(other.jwk), algorithms=["ES256"], audience="aiops", options={"verify_exp": False})


def test_the_public_key_is_public_and_the_private_key_is_sealed() -> None:
    key = issuer(os.urandom(32)).new_signing_key(NOW)
    assert set(key.jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert len(key.jwk["x"]) == len(key.jwk["y"]) == 43
    assert b"PRIVATE KEY" not in key.sealed_private_key
    for load in (serialization.load_pem_private_key, serialization.load_der_private_key):
        with pytest.raises(ValueError, match=r"."):
            load(key.sealed_private_key, password=None)
    assert repr(key.sealed_private_key) not in repr(key)


def test_a_key_opens_in_another_process_with_the_same_master_key_only() -> None:
    master_key = os.urandom(32)
    key = issuer(master_key).new_signing_key(NOW)
    issuer(master_key).open_key(key)
    with pytest.raises(SigningKeyUnreadable, match=f"{key.kid}.*AUTH_MASTER_KEY"):
        issuer(os.urandom(32)).open_key(key)


def test_a_private_key_cannot_be_moved_to_another_kid_or_altered() -> None:
    tokens = issuer(os.urandom(32))
    one, other = tokens.new_signing_key(NOW), tokens.new_signing_key(NOW)
    flipped = bytes([*other.sealed_private_key[:-1], other.sealed_private_key[-1] ^ 1])
    for forged in (one.sealed_private_key, flipped, b"", b"short"):
        with pytest.raises(SigningKeyUnreadable):
            tokens.open_key(replace(other, sealed_private_key=forged))


def test_coordinates_keep_their_leading_zeros() -> None:
    # One coordinate in 256 begins with a zero byte: among 600 keys some do, but for one run in 10,000.
    tokens = issuer(os.urandom(32))
    keys = [tokens.new_signing_key(NOW) for _ in range(600)]
    assert {len(key.jwk[name]) for key in keys for name in ("x", "y")} == {43}


def test_refresh_tokens_are_256_random_bits_known_by_their_digest() -> None:
    tokens = issuer(os.urandom(32))
    pairs = [tokens.refresh_token() for _ in range(20)]
    assert len({token for token, _ in pairs}) == 20
    for token, digest in pairs:
        assert len(token) == 43
        assert len(digest) == 32
        assert refresh_token_digest(token) == digest


@pytest.mark.parametrize("text", ["", "x" * 42, "x" * 44, "x" * 42 + "\n", "x" * 42 + "=", "\ud800" * 43, "é" * 43])
def test_what_cannot_be_a_refresh_token_has_no_digest(text: str) -> None:
    assert refresh_token_digest(text) is None


def test_an_access_token_is_no_refresh_token() -> None:
    tokens = issuer(os.urandom(32))
    token, expires_at = tokens.access_token(ADA, tokens.new_signing_key(NOW), NOW)
    assert refresh_token_digest(token) is None
    assert expires_at - NOW <= timedelta(minutes=10)
