"""Writes the environment of docker-compose.yml: `environment.py FILE [PROFILE,PROFILE]`.

Every variable that docker-compose.yml cannot do without (`${NAME:?…}`) is a secret: it gets a random value once, which
stays. What depends on the profiles (`PROFILE_…`), and the addresses for whoever uses the stack, are written anew each
time. Whatever else stands in the file stays as it is. A value in the caller's own environment goes before the file's,
here as in docker compose. Standard library only.
"""

import base64
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

COMPOSE_FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
PROFILES: dict[str, dict[str, str]] = {
    "core": {},  # is always there
    "llm": {
        "PROFILE_LLM_BASE_URL": "http://llm:8000/v1",
        "PROFILE_LLM_API_KEY": "scripted",
        "PROFILE_LLM_MODEL": "scripted",
    },
    "observability": {"PROFILE_OTLP_ENDPOINT": "http://otel-collector:4318"},
}
_OF_A_PROFILE = frozenset(name for variables in PROFILES.values() for name in variables)
_DEFAULTS = {
    "PUBLISH_GATEWAY": "127.0.0.1:8000",
    "PUBLISH_AMQP": "127.0.0.1:5672",
    "ADMIN_EMAIL": "admin@example.com",
}
# What neither a shell nor compose nor, in a password, the URL around it reads as anything but itself.
_PLAIN = "A-Za-z0-9_+/=.:@-"
_PLAIN_PASSWORD = "A-Za-z0-9_+=.-"  # noqa: S105 - the letters of one


def required(compose: str) -> list[str]:
    """The variables without which `compose`, the text of a compose file, is refused."""
    return sorted(set(re.findall(r"\$\{(\w+):\?", compose)))


def environment(
    compose: str, kept: Mapping[str, str], profiles: frozenset[str], caller: Mapping[str, str]
) -> dict[str, str]:
    """All variables of the stack; `kept` are those of the time before.

    Raises ValueError for an unknown profile, and for a value that would have to be quoted.
    """
    if unknown := profiles - PROFILES.keys():
        known = ", ".join(sorted(PROFILES))
        raise ValueError(f"no profile {', '.join(sorted(unknown))}; PROFILES is a list with commas of {known}")
    own = {name: caller.get(name) or kept.get(name) or secret(name) for name in required(compose)}
    own |= {name: caller.get(name) or kept.get(name) or default for name, default in _DEFAULTS.items()}
    for name, value in own.items():
        _check(name, value)
    gateway, amqp = _reached_at(own["PUBLISH_GATEWAY"]), _reached_at(own["PUBLISH_AMQP"])
    addresses = {
        "GATEWAY_URL": f"http://{gateway}",
        "GRAPHQL_URL": f"http://{gateway}/graphql",
        "PARTNER_AMQP_URL": f"amqp://acme:{own['RABBITMQ_PASSWORD_ACME']}@{amqp}",
        "PARTNER_EXCHANGE": "ingress.acme",
        "OPERATOR_AMQP_URL": f"amqp://operator:{own['RABBITMQ_PASSWORD_OPERATOR']}@{amqp}",
    }
    others = {name: value for name, value in kept.items() if name not in _OF_A_PROFILE}
    chosen = {name: value for profile in sorted(profiles) for name, value in PROFILES[profile].items()}
    return others | own | addresses | chosen | {"COMPOSE_PROFILES": ",".join(sorted(profiles - {"core"}))}


def read(lines: list[str]) -> dict[str, str]:
    """The variables that the `lines` of an environment file set."""
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def changed(lines: list[str], values: Mapping[str, str]) -> Iterator[str]:
    """The `lines` of an environment file that sets `values`: what is no variable stays, in its place."""
    left = dict(values)
    for line in lines:
        (name, *_) = read([line]) or ("",)
        if not name:
            yield line
        elif name in left:
            yield f"{name}={left.pop(name)}"
    yield from (f"{name}={value}" for name, value in left.items())


def write(file: Path, lines: list[str]) -> None:
    """Replace `file` in one step, readable by its owner only."""
    file.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    draft.replace(file)


def secret(name: str) -> str:
    """256 bits: a key in standard base64, as the services want it, a password in letters that no URL has to escape."""
    return base64.b64encode(secrets.token_bytes(32)).decode() if name.endswith("_KEY") else secrets.token_urlsafe(32)


def _check(name: str, value: str) -> None:
    allowed = _PLAIN_PASSWORD if "PASS" in name else _PLAIN
    if not re.fullmatch(f"[{allowed}]+", value):
        raise ValueError(
            f"{name} holds a character that would have to be quoted; allowed are {' '.join(_spelt(allowed))}"
        )


def _spelt(allowed: str) -> list[str]:
    """The parts of a character class: its ranges, then its single characters."""
    return re.findall(r"\w-\w|.", allowed)


def _reached_at(published: str) -> str:
    """Where this machine reaches what is published as `[ADDRESS:]PORT`."""
    host, _, port = published.rpartition(":")
    return f"{'127.0.0.1' if host in ('', '0.0.0.0') else host}:{port}"  # noqa: S104 - nothing listens there


def main(target: str, chosen: str = "") -> int:
    """Write `target` for the profiles `chosen`, parted by commas or blanks; returns the exit code."""
    file = Path(target)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    profiles = frozenset(chosen.replace(",", " ").split())
    try:
        values = environment(COMPOSE_FILE.read_text(encoding="utf-8"), read(lines), profiles, os.environ)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    write(file, list(changed(lines, values)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
