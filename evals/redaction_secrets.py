"""Secrets as issuers shape them and as people and programs write them down; all random, none opens anything.

``corpus/redaction/issued.csv`` says what the keys of an issuer look like, ``written.txt`` where a secret stands that
only a name tells of: one text a line, … for the secret, \\n for a line end. Neither holds a key.
"""

import base64
import csv
import random
import string
from collections.abc import Iterator
from pathlib import Path

_CORPUS = Path(__file__).with_name("corpus") / "redaction"
_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + string.digits
_ALPHABETS = {
    "alnum": _ALNUM,
    "url": _ALNUM + "-_",
    "padded": _ALNUM + "-_=",
    "dotted": _ALNUM + "-_.",
    "word": _ALNUM + "_",
    "hex": "0123456789abcdef",
    "upper": _UPPER,
    "path": _UPPER + "/",
    "base32": string.ascii_uppercase + "234567",
    "lower32": string.ascii_lowercase + "234567",
    "digits": string.digits,
    "nonzero": string.digits[1:],
}
_FRAMES = (
    "use … for now",
    'export KEY="…"',
    "{'auth': '…'}",
    "…",
    "2025-03-04T09:15:27Z ERROR 401 for … (revoked)",
)
_LENGTHS = (20, 24, 32, 40)
_ROUNDS = 3
SLOT = "…"
"""Where the secret stands in a text."""


def issued(draw: random.Random) -> Iterator[tuple[str, str]]:
    """Issuer and key, for every issuer."""
    with (_CORPUS / "issued.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["begins"] + _some(draw, row["alphabet"], int(row["length"])) + row["then"]
            yield row["issuer"], key + _some(draw, row["alphabet_then"], int(row["length_then"]))


def secrets(draw: random.Random) -> Iterator[tuple[str, str, str]]:
    """What it is or how it is written, text with ``SLOT`` in the secret's place, and the secret."""
    written = (_CORPUS / "written.txt").read_text(encoding="utf-8").splitlines()
    for _ in range(_ROUNDS):
        for name, key in issued(draw):
            yield name, draw.choice(_FRAMES), key
        for line in written:
            secret = _some(draw, "alnum", draw.choice(_LENGTHS)) + draw.choice(string.digits)
            yield line, line.replace("\\n", "\n"), secret
    yield from _blocks(draw)


def _blocks(draw: random.Random) -> Iterator[tuple[str, str, str]]:
    body = [_some(draw, "alnum", 64) for _ in range(4)]
    for name in ("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK"):
        begin, end = f"-----BEGIN {name}-----", f"-----END {name}-----"
        for form, between in (("lines", "\n"), ("escaped", "\\n"), ("one line", " "), ("nothing", "")):
            yield f"{name}, {form}", 'key: "…"', between.join((begin, *body, end))
        pem = "\n".join((begin, *body, end)).encode()
        yield f"{name}, in base64", "tls.key: …", base64.b64encode(pem).decode()
    putty = ("Private-Lines: 2", *body[:2], f"Private-MAC: {_some(draw, 'hex', 64)}")
    yield "key of PuTTY", "PuTTY-User-Key-File-3: ssh-rsa\n…\n", "\n".join(putty)
    parts = (b'{"alg":"HS256"}', b'{"sub":"1","n":12}')
    claims = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    yield "JWT", "token … expired", ".".join((*claims, _some(draw, "url", 43)))


def _some(draw: random.Random, alphabet: str, length: int) -> str:
    return "".join(draw.choice(_ALPHABETS[alphabet]) for _ in range(length))
