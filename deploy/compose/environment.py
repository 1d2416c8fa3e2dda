"""Writes the environment of docker-compose.yml: `environment.py FILE [PROFILE,PROFILE]`.

Every variable that docker-compose.yml cannot do without (`${NAME:?…}`) is a secret: it gets a random value once, which
stays. What depends on the profiles, and the addresses for whoever uses the stack, are written anew each time. A value
in the caller's own environment goes before both, here as in docker compose. Standard library only.
"""

import base64
import os
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

COMPOSE_FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
PROFILES = frozenset({"observability", "llm"})
_PUBLISHED = {"PUBLISH_GATEWAY": "127.0.0.1:8000", "PUBLISH_AMQP": "127.0.0.1:5672"}


def required(compose: str) -> list[str]:
    """The variables without which `compose`, the text of a compose file, is refused."""
    return sorted(set(re.findall(r"\$\{(\w+):\?", compose)))


def environment(
    compose: str, kept: Mapping[str, str], profiles: frozenset[str], caller: Mapping[str, str]
) -> dict[str, str]:
    """All variables of the stack; `kept` are those of the time before. Raises ValueError for an unknown profile."""
    if unknown := profiles - PROFILES:
        known = ", ".join(sorted(PROFILES))
        raise ValueError(f"no profile {', '.join(sorted(unknown))}; PROFILES is a list with commas of {known}")
    values = {name: caller.get(name) or kept.get(name) or _secret(name) for name in required(compose)}
    values["COMPOSE_PROFILES"] = ",".join(sorted(profiles))
    if "observability" in profiles:
        values["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://otel-collector:4318"
    if "llm" in profiles:
        values |= {"OPENAI_BASE_URL": "http://llm:8000/v1", "OPENAI_API_KEY": "scripted", "LLM_MODEL": "scripted"}
    published = {name: caller.get(name) or kept.get(name) or address for name, address in _PUBLISHED.items()}
    gateway, amqp = published.values()
    addresses = {
        "GATEWAY_URL": f"http://{gateway}",
        "GRAPHQL_URL": f"http://{gateway}/graphql",
        "ADMIN_EMAIL": caller.get("ADMIN_EMAIL") or "admin@example.com",
        "PARTNER_AMQP_URL": f"amqp://acme:{values['RABBITMQ_PASSWORD_ACME']}@{amqp}",
        "PARTNER_EXCHANGE": "ingress.acme",
    }
    return values | published | addresses


def read(file: Path) -> dict[str, str]:
    """What `file` holds; nothing where there is none."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


def write(file: Path, values: Mapping[str, str]) -> None:
    """Replace `file` in one step, readable by its owner only. No value needs quoting, in a shell or in compose."""
    file.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.writelines(f"{name}={value}\n" for name, value in values.items())
    draft.replace(file)


def _secret(name: str) -> str:
    """256 bits: a key in standard base64, as the services want it, a password in letters that no URL has to escape."""
    return base64.b64encode(secrets.token_bytes(32)).decode() if name.endswith("_KEY") else secrets.token_urlsafe(32)


def main(target: str, chosen: str = "") -> int:
    """Write `target` for the profiles `chosen`; returns the exit code."""
    file = Path(target)
    profiles = frozenset(filter(None, chosen.replace(",", " ").split()))
    try:
        values = environment(COMPOSE_FILE.read_text(encoding="utf-8"), read(file), profiles, os.environ)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    write(file, values)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
