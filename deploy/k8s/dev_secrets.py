"""Writes the secrets of overlays/dev: `python3 -m deploy.k8s.dev_secrets`, one file of variables for each Secret.

Each password and key gets a random value once, which stays: the volumes of the servers know it. Addresses are written
anew from them each time. The files stand outside of git, readable by their owner only. Standard library only.
"""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.compose.environment import read, secret, write

DIRECTORY = Path(__file__).resolve().parent / "overlays" / "dev" / "secrets"
SERVICES = ("auth", "changelog", "gateway", "summarizer", "triage")
PARTNERS_AND_OPERATORS = ("acme", "operator")
ADMINISTRATOR = "administrator"
DATABASE = "aiops"

Files = dict[str, dict[str, str]]
"""Name of a Secret → its variables."""


def secrets(kept: Mapping[str, Mapping[str, str]], email: str) -> Files:
    """The variables of every Secret; what `kept` has of the time before stays, addresses excepted.

    Args:
        email: of the first administrator, where none is kept.
    """

    def same(file: str, name: str, make: Callable[[str], str] = secret) -> str:
        return kept.get(file, {}).get(name) or make(name)

    postgres = {name: same("postgres-passwords", name) for name in _passwords("POSTGRES", SERVICES)}
    rabbitmq = {
        name: same("rabbitmq-passwords", name) for name in _passwords("RABBITMQ", (*SERVICES, *PARTNERS_AND_OPERATORS))
    }
    superuser, administrator = (
        same("postgres-admin", "POSTGRES_PASSWORD"),
        same("rabbitmq-admin", "RABBITMQ_DEFAULT_PASS"),
    )
    content_keys = same("gateway", "GATEWAY_CONTENT_KEYS", lambda _: f'["dev:{secret("CONTENT_KEY")}"]')
    files = {service: _addresses(service, postgres, rabbitmq) for service in SERVICES}
    files["gateway"]["GATEWAY_CONTENT_KEYS"] = files["summarizer"]["SUMMARIZER_CONTENT_KEYS"] = content_keys
    files["auth"] |= {name: same("auth", name) for name in ("AUTH_MASTER_KEY", "AUTH_ADMIN_PASSWORD")}
    files["auth"]["AUTH_ADMIN_EMAIL"] = same("auth", "AUTH_ADMIN_EMAIL", lambda _: email)
    return files | {
        "postgres-passwords": postgres,
        "rabbitmq-passwords": rabbitmq,
        "postgres-admin": {
            "POSTGRES_PASSWORD": superuser,
            "POSTGRES_ADMIN_URL": f"postgresql://postgres:{superuser}@postgres/{DATABASE}",
        },
        "rabbitmq-admin": {
            "RABBITMQ_DEFAULT_PASS": administrator,
            "RABBITMQ_MANAGEMENT_URL": f"http://{ADMINISTRATOR}:{administrator}@rabbitmq:15672",
        },
    }


def _passwords(server: str, users: tuple[str, ...]) -> list[str]:
    return [f"{server}_PASSWORD_{user.upper()}" for user in users]


def _addresses(service: str, postgres: Mapping[str, str], rabbitmq: Mapping[str, str]) -> dict[str, str]:
    name = service.upper()
    database, broker = postgres[f"POSTGRES_PASSWORD_{name}"], rabbitmq[f"RABBITMQ_PASSWORD_{name}"]
    return {
        f"{name}_DATABASE_URL": f"postgresql://{service}:{database}@postgres/{DATABASE}",
        f"{name}_AMQP_URL": f"amqp://{service}:{broker}@rabbitmq",
    }


def main(directory: Path = DIRECTORY) -> int:
    """Write every file below `directory`; returns the exit code."""
    kept = {file.stem: read(file.read_text(encoding="utf-8").splitlines()) for file in directory.glob("*.env")}
    made = secrets(kept, os.environ.get("ADMIN_EMAIL") or "admin@example.com")
    for name, variables in made.items():
        write(directory / f"{name}.env", [f"{variable}={value}" for variable, value in variables.items()])
    sys.stdout.write(f"{len(made)} files in {os.path.relpath(directory)}; the first log-in: auth.env\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
