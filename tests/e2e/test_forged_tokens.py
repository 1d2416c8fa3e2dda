"""Tokens as attackers make them, over HTTP and over WebSocket: UNAUTHENTICATED, and never a fault."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwe, jws, jwt
from jose.backends import ECKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from e2e import documents
from support.graphql import GraphqlClient, Json, post
from support.stack import RunningStack


def segment(document: object) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Attacker:
    """Knows a good token of somebody, and everything that is public."""

    def __init__(self, token: str, jwk: Json) -> None:
        self.token, self.jwk = token, jwk
        self.header: Json = jwt.get_unverified_header(token)
        self.claims: Json = jwt.get_unverified_claims(token)
        private = ec.generate_private_key(ec.SECP256R1())
        self.own_pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        own = ECKey(self.own_pem, "ES256").public_key().to_dict()
        self.own_jwk = {name: value.decode() if isinstance(value, bytes) else value for name, value in own.items()}
        public = ec.EllipticCurvePublicNumbers(number(jwk["x"]), number(jwk["y"]), ec.SECP256R1()).public_key()
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        self.pem = public.public_bytes(serialization.Encoding.PEM, info)
        self.der = public.public_bytes(serialization.Encoding.DER, info)

    def unsigned(self, **header: Any) -> str:
        return f"{segment({**self.header, **header})}.{segment(self.claims)}."

    def hmac(self, secret: bytes, **header: Any) -> str:
        signed = f"{segment({**self.header, 'alg': 'HS256', **header})}.{segment(self.claims)}"
        return f"{signed}.{segment(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def own(self, **header: Any) -> str:
        """Signed with a key of the attacker's."""
        token: str = jws.sign(
            self.claims, self.own_pem, headers={"kid": self.header["kid"], **header}, algorithm="ES256"
        )
        return token

    def altered(self, **claims: Any) -> str:
        """The good signature under other claims."""
        head, _, signature = self.token.split(".")
        return f"{head}.{segment({**self.claims, **claims})}.{signature}"

    def nested(self) -> str:
        encrypted: bytes = jwe.encrypt(self.token.encode(), b"k" * 32, algorithm="dir", encryption="A256GCM")
        return encrypted.decode()


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "="), "big")


def forgeries(attacker: Attacker, refresh_token: str) -> dict[str, str]:
    """What is sent, by what it tries."""
    compact = json.dumps(attacker.jwk, separators=(",", ":")).encode()
    kids = ["../../../dev/null", "' OR '1'='1", "x" * 2000, str(uuid4()), ""]
    return {
        **{f"alg {alg}": attacker.unsigned(alg=alg) for alg in ("none", "None", "NONE", "nOnE", "")},
        "HMAC with the public PEM": attacker.hmac(attacker.pem),
        "HMAC with the public DER": attacker.hmac(attacker.der),
        "HMAC with the public JWK": attacker.hmac(compact),
        "HMAC with nothing": attacker.hmac(b""),
        **{f"kid {kid[:10]!r}": attacker.own(kid=kid) for kid in kids},
        "HMAC with /dev/null": attacker.hmac(b"", kid="../../../dev/null"),
        "own jwk": attacker.own(jwk=attacker.own_jwk),
        "own jku": attacker.own(jku="http://127.0.0.1:1/jwks.json"),
        "own x5u": attacker.own(x5u="http://127.0.0.1:1/chain.pem"),
        "own x5c": attacker.own(x5c=["MIIB"]),
        "critical": attacker.own(crit=["exp"]),
        "other role": attacker.altered(role="ADMIN", sub=str(uuid4())),
        "longer life": attacker.altered(exp=int(time.time()) + 10**9),
        "no signature": attacker.token.rpartition(".")[0] + ".",
        "nested": attacker.nested(),
        "refresh token": refresh_token,
        "half an API key": "aiops_short",
        "an API key of nobody": "aiops_" + "A" * 43,
        "an API key with more": "aiops_" + "A" * 44,
        "60 kB": attacker.token + "A" * 60_000,
        "no token": "null",
    }


@pytest.fixture(scope="module")
async def forged(stack: RunningStack, admin: GraphqlClient) -> dict[str, str]:
    credentials = {"email": stack.environment["ADMIN_EMAIL"], "password": stack.environment["ADMIN_PASSWORD"]}
    payload = (await stack.visitor.execute(documents.LOG_IN, input=credentials))["login"]
    async with httpx.AsyncClient(timeout=10, trust_env=False) as http:
        keys = (await http.get(f"{stack.environment['GATEWAY_URL']}/.well-known/jwks.json")).json()["keys"]
    token = payload["tokens"]["accessToken"]
    kid = jwt.get_unverified_header(token)["kid"]
    attacker = Attacker(token, next(key for key in keys if key["kid"] == kid))
    assert (await stack.visitor.signed_in(token).execute(documents.ME))["me"]["role"] == "ADMIN"
    return forgeries(attacker, payload["tokens"]["refreshToken"])


async def test_no_forged_token_is_believed_over_http(stack: RunningStack, forged: dict[str, str]) -> None:
    answers = {}
    for name, token in forged.items():
        answer = await post(stack.visitor, {"query": documents.ME}, Authorization=f"Bearer {token}")
        # A header that is too long for the server is refused before anybody looks at what it says.
        is_refused = answer.status_code in {400, 431} and len(token) > 60_000
        answers[name] = "UNAUTHENTICATED" if is_refused else code(answer.json())
        assert token == "null" or token not in answer.text
    assert {name: code for name, code in answers.items() if code != "UNAUTHENTICATED"} == {}


async def test_no_forged_token_is_believed_over_a_websocket(stack: RunningStack, forged: dict[str, str]) -> None:
    answers = {name: await over_websocket(stack.visitor.url, token) for name, token in forged.items()}
    assert {name: code for name, code in answers.items() if code != "UNAUTHENTICATED"} == {}


async def test_a_token_of_megabytes_is_refused_over_a_websocket(stack: RunningStack) -> None:
    assert await over_websocket(stack.visitor.url, "eyJ" * 3_000_000) == "UNAUTHENTICATED"


def code(answer: Json) -> str:
    assert not (answer.get("data") or {}).get("me"), answer
    return str(answer["errors"][0]["extensions"]["code"])


async def over_websocket(url: str, token: str) -> str:
    """The code that the query is refused with; a socket that is closed before counts as refused."""
    protocol = [Subprotocol("graphql-transport-ws")]
    async with connect(url.replace("http", "ws", 1), subprotocols=protocol, proxy=None) as socket:
        try:
            payload = {"Authorization": f"Bearer {token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            await socket.recv()
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": documents.ME}}))
            async for frame in socket:
                message = json.loads(frame)
                if message["type"] == "next":
                    return code(message["payload"])
                if message["type"] == "error":
                    return code({"errors": message["payload"]})
        except ConnectionClosed as closed:
            # 4403: connection_init was refused; 1009: the message is larger than any that is read.
            return "UNAUTHENTICATED" if closed.rcvd and closed.rcvd.code in {4401, 4403, 1009} else str(closed)
    return "nothing"
