"""Access tokens as an attacker sends them: never accepted, and never another exception than Unauthenticated."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from jose import jwe

from aiops_gateway.auth import TokenVerifier
from aiops_gateway.domain.access import Unauthenticated
from aiops_gateway.domain.public_key import PublicKey
from unit.gateway.signing import AUDIENCE, ISSUER, KID, USER, Signer, claims, forged, verifier

SIGNER, STRANGER = Signer(), Signer()
VERIFIER = verifier(SIGNER)
RSA_PEM = (
    rsa.generate_private_key(65537, 2048)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def refused(token: str, by: TokenVerifier = VERIFIER) -> str:
    with pytest.raises(Unauthenticated) as error:
        by.verify(token)
    return str(error.value)


def test_a_good_token_names_its_account() -> None:
    token = SIGNER.token()
    assert VERIFIER.verify(token) == USER
    assert VERIFIER.verify(token) == USER
    assert not VERIFIER.lacks_key_of(token)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "none ", "", None, "ES256", ["ES256"], {"a": 1}, 0])
@pytest.mark.parametrize("kid", [KID, "x"])
def test_an_unsigned_token_is_refused(alg: str | None, kid: str) -> None:
    refused(forged({"alg": alg, "kid": kid, "typ": "JWT"}))
    refused(forged({"kid": kid}))


@pytest.mark.parametrize(
    "secret",
    [
        SIGNER.public_pem,
        SIGNER.public_pem.strip(),
        SIGNER.public_der,
        json.dumps(SIGNER.jwk).encode(),
        json.dumps(SIGNER.jwk, separators=(",", ":")).encode(),
        SIGNER.jwk["x"].encode(),
        b"",
        b"null",
        KID.encode(),
    ],
    ids=["pem", "pem without newline", "der", "jwk", "compact jwk", "x", "empty", "null", "kid"],
)
@pytest.mark.parametrize("alg", ["HS256", "HS384", "RS256", "ES256"])
def test_the_public_key_is_no_secret(alg: str, secret: bytes) -> None:
    refused(forged({"alg": alg, "kid": KID}, secret))


@pytest.mark.parametrize(
    "kid",
    [
        "",
        "unknown",
        "../../etc/passwd",
        "/dev/null",
        "key-1\0",
        "' OR 1=1",
        "'; DROP TABLE signing_keys; --",
        "KEY-1",
        " key-1",
        "key-1 ",
        "%6bey-1",
        "k" * 3000,
        "k" * 100_000,
        "file:///dev/null",
        "\ud800",
        1,
        1.5,
        True,
        None,
        ["key-1"],
        {"a": 1},
    ],
)
def test_a_key_that_is_not_ours_is_refused(kid: Any) -> None:
    token = SIGNER.token(kid=kid)
    refused(token)
    refused(forged({"alg": "HS256", "kid": kid}, b""))


@pytest.mark.parametrize("header", ["jwk", "jku", "x5u", "x5c"])
def test_a_token_cannot_bring_its_own_key(header: str) -> None:
    values: dict[str, Any] = {
        "jwk": STRANGER.jwk,
        "jku": "https://keys.example/jwks.json",
        "x5u": "https://keys.example/x",
        "x5c": ["a"],
    }
    refused(STRANGER.token(**{header: values[header]}))
    # Beside a good signature it is not even looked at.
    assert VERIFIER.verify(SIGNER.token(**{header: values[header]})) == USER


def test_a_strangers_signature_under_our_key_id_is_refused() -> None:
    refused(STRANGER.token())


def test_without_keys_nothing_is_accepted() -> None:
    refused(SIGNER.token(), TokenVerifier(issuer=ISSUER, audience=AUDIENCE))


@pytest.mark.parametrize("claim", ["exp", "aud", "iss", "sub", "jti", "nbf", "iat", "typ"])
@pytest.mark.parametrize("value", [..., None, "", [], {}], ids=repr)
def test_a_claim_that_is_missing_or_empty_is_refused(claim: str, value: Any) -> None:
    refused(SIGNER.token({claim: value}))


def _in(seconds: int) -> int:
    return int(time.time()) + seconds


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": _in(-3600)},
        {"exp": _in(-1)},
        {"exp": 0},
        {"exp": -1},
        {"exp": "soon"},
        {"exp": True},
        {"exp": str(_in(3600))},
        {"exp": float(_in(3600))},
        {"exp": 253_402_300_800},
        {"exp": 2**64},
        {"exp": [_in(3600)]},
        {"nbf": _in(3600)},
        {"nbf": "now"},
        {"nbf": False},
        {"nbf": 0.0},
        {"iat": _in(3600)},
        {"iat": True},
        {"iat": "now"},
        {"iss": "somebody"},
        {"iss": [ISSUER, "somebody"]},
        {"aud": "somebody"},
        {"aud": ["somebody"]},
        {"aud": [AUDIENCE]},
        {"aud": [AUDIENCE, "somebody"]},
        {"aud": {AUDIENCE: 1}},
        {"aud": True},
        {"iss": [ISSUER]},
        {"iss": f"{ISSUER}/"},
        {"jti": 1},
        {"jti": ["j1"]},
        {"aud": f"{AUDIENCE} "},
        {"sub": "root"},
        {"sub": 42},
        {"sub": "00000000-0000-0000-0000-00000000002"},
        {"sub": f"{{{USER}}}"},
        {"sub": f"urn:uuid:{USER}"},
        {"sub": USER.hex},
        {"sub": str(UUID(int=0xABC)).upper()},
        {"sub": [str(USER)]},
        {"sub": "' OR 1=1"},
        {"typ": "refresh"},
        {"typ": "ACCESS"},
        {"typ": ["access"]},
    ],
    ids=str,
)
def test_a_wrong_claim_is_refused(changes: dict[str, Any]) -> None:
    refused(SIGNER.token(changes))


@pytest.mark.parametrize("number", ["1e400", "-1e400", "Infinity", "NaN", "1" * 400, "9" * 5000])
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_a_number_that_is_none_is_refused(claim: str, number: str) -> None:
    payload = json.dumps(claims({claim: "@"})).replace('"@"', number).encode()
    refused(SIGNER.signed(payload))


@pytest.mark.parametrize("claim", ["sub", "exp", "aud", "role", "x"])
def test_a_claim_that_stands_there_twice_is_refused(claim: str) -> None:
    payload = json.dumps({**claims(), "x": 1}).encode()
    twice = payload[:-1] + f', "{claim}": {json.dumps({**claims(), "x": 1}[claim])}'.encode() + b"}"
    refused(SIGNER.signed(twice))
    assert VERIFIER.verify(SIGNER.signed(payload)) == USER


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", None, {"a": 1}])
def test_a_header_that_is_critical_is_refused(crit: Any) -> None:
    """RFC 7515, 4.1.11: an extension that is not understood."""
    refused(SIGNER.token(crit=crit))
    refused(SIGNER.token(crit=crit, b64=False))


def test_a_token_within_a_token_is_refused() -> None:
    for algorithm, key in [("dir", b"k" * 32), ("RSA-OAEP-256", RSA_PEM)]:
        for inner in (SIGNER.token().encode(), json.dumps(claims()).encode()):
            encrypted = jwe.encrypt(inner, key, algorithm=algorithm, encryption="A256GCM", cty="JWT", kid=KID)
            refused(encrypted.decode())
    refused(SIGNER.signed(SIGNER.token().encode(), cty="JWT"))


def test_a_token_has_one_spelling() -> None:
    head, payload, signature = SIGNER.token().split(".")
    for other in (f"{head}.{payload}.{signature[:-1]}!{signature[-1]}", f"{head}=.{payload}.{signature}",
                  f" {head}.{payload}.{signature}", f"{head}.{payload}.{signature}\n", f"{head}..{payload}.{signature}",
                  f"{head}.{payload}.{signature}=="):  # fmt: skip
        refused(other)


@pytest.mark.parametrize("token", ["aiops_", "aiops_short", "aiops_" + "A" * 43, "AIOPS_" + "A" * 43, "r" * 43])
def test_neither_an_api_key_nor_a_refresh_token_is_an_access_token(token: str) -> None:
    refused(token)


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b"1", b'"a"', b"{", b"\xff", b"[" * 1000, b"{}"])
def test_a_signed_payload_that_is_no_claims_is_refused(payload: bytes) -> None:
    refused(SIGNER.signed(payload))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "\0",
        "\ud800.\ud800.\ud800",
        "é.é.é",
        "null",
        "A" * 5000,
        "." * 100_000,
        "eyJ" * 1_000_000,
        f"{SIGNER.token()}.x",
        f"{SIGNER.token()}{'A' * 5000}",
        SIGNER.token()[:-4],
        SIGNER.token().rsplit(".", 1)[0] + ".",
        SIGNER.token(padding="x" * 5000),
        "a" * 10_000_000,
        f"{SIGNER.token()}{'.' * 10_000_000}",
    ],
    ids=lambda token: f"{token[:12]!r}:{len(token)}",
)
def test_garbage_is_refused(token: str) -> None:
    refused(token)
    assert not VERIFIER.lacks_key_of(token)


@given(
    st.text(max_size=200)
    | st.lists(st.binary(max_size=30), min_size=3, max_size=3).map(lambda p: ".".join(map(str, p)))
)
@settings(max_examples=50)
def test_any_text_is_refused(token: str) -> None:
    refused(token)


def test_a_refusal_never_quotes_the_token() -> None:
    token = STRANGER.token()
    assert all(part not in refused(token) for part in token.split("."))


def test_a_token_that_was_good_expires_all_the_same() -> None:
    now = datetime.now(UTC)
    by = verifier(SIGNER, clock=lambda: now)
    token = SIGNER.token({"exp": _in(60)})
    assert by.verify(token) == USER
    now += timedelta(seconds=61)
    assert "expired" in refused(token, by)


def test_a_key_that_is_withdrawn_takes_its_tokens_with_it() -> None:
    by, token = verifier(SIGNER), SIGNER.token()
    assert by.verify(token) == USER
    by.use_keys({KID: PublicKey(STRANGER.jwk)})
    refused(token, by)
    by.use_keys({})
    refused(token, by)


def test_a_token_is_believed_no_longer_than_its_key_though_it_was_verified_before() -> None:
    now = datetime.now(UTC)
    by = verifier(SIGNER, clock=lambda: now, until=now + timedelta(seconds=30))
    token = SIGNER.token()
    assert by.verify(token) == USER
    now += timedelta(seconds=29)
    assert by.verify(token) == USER
    now += timedelta(seconds=1)
    assert "refreshTokens" in refused(token, by)
    assert "refreshTokens" in refused(SIGNER.token({"jti": "j2"}), by)


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_of_a_clock_that_is_fast_is_good_for_five_seconds_of_it_and_no_more(claim: str) -> None:
    now = datetime.now(UTC)
    by = verifier(SIGNER, clock=lambda: now)
    assert by.verify(SIGNER.token({claim: int(now.timestamp()) + 5})) == USER
    refused(SIGNER.token({claim: int(now.timestamp()) + 7}), by)


def test_an_end_that_becomes_known_counts_at_once() -> None:
    by, token = verifier(SIGNER), SIGNER.token()
    assert by.verify(token) == USER
    by.use_keys({KID: PublicKey(SIGNER.jwk, datetime.now(UTC))})
    refused(token, by)


def test_a_key_that_cannot_be_read_takes_no_other_with_it() -> None:
    by = TokenVerifier(issuer=ISSUER, audience=AUDIENCE)
    broken = {**SIGNER.jwk, "x": "!"}
    other_kind = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
    by.use_keys({"a": PublicKey({}), "b": PublicKey(broken), "c": PublicKey(other_kind), KID: PublicKey(SIGNER.jwk)})
    assert by.verify(SIGNER.token()) == USER
    assert [key["kid"] for key in by.published()] == [KID]
    for kid in "abc":
        refused(SIGNER.token(kid=kid), by)


def test_nothing_private_is_published_and_nothing_that_is_not_believed() -> None:
    by, now = TokenVerifier(issuer=ISSUER, audience=AUDIENCE), datetime.now(UTC)
    private = {**SIGNER.jwk, "d": "secret", "k": "secret", "kid": "other"}
    by.use_keys(
        {
            "old": PublicKey(SIGNER.jwk, now),
            "b": PublicKey(private, now + timedelta(minutes=1)),
            "a": PublicKey(STRANGER.jwk),
        }
    )
    assert [key["kid"] for key in by.published()] == ["a", "b"]
    assert all(set(key) <= {"kty", "crv", "x", "y", "use", "alg", "kid"} for key in by.published())


def test_the_role_in_a_token_is_not_believed() -> None:
    assert VERIFIER.verify(SIGNER.token({"role": "ADMIN"})) == USER
    assert VERIFIER.verify(SIGNER.token({"role": ...})) == USER
