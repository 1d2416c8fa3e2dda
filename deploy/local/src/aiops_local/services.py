"""The services as processes: how each is started, provided for and asked whether it is ready."""

import base64
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from aiops_local.choices import Choices, credentials, ports
from aiops_local.jaeger import JaegerServer
from aiops_local.layout import Layout
from aiops_local.postgres import PostgresServer
from aiops_local.processes import Command
from aiops_local.rabbitmq import RabbitmqServer

ENGINES = ("summarizer", "triage", "changelog")
"""The services that may ask a language model."""
SERVICES = ("auth", *ENGINES, "gateway")
CONTENT = ("summarizer", "gateway")
"""The services that seal and open what clients sent in, with the same keys."""
PARTNER = "acme"
"""The outside publisher that the topology admits; its exchange is ingress.PARTNER."""
OPERATOR = "operator"
"""The broker user that looks after dead letters, and nothing else."""
LLM = "llm"
"""The scripted language model, started only where it was asked for."""
ADMIN_EMAIL = "admin@example.com"

_LIBRARIES = ("libs/common/src", "libs/contracts/src")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Services:
    """Builds the commands of one stack's services. `root` is the checkout."""

    root: Path
    layout: Layout
    postgres: PostgresServer
    rabbitmq: RabbitmqServer
    jaeger: JaegerServer

    @property
    def ports(self) -> Choices[int]:
        return ports(self.layout.ports)

    @property
    def credentials(self) -> Choices[str]:
        return credentials(self.layout.credentials)

    def url(self, name: str) -> str:
        """The address of a service: health and metrics, at the gateway the API too."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def serve(self, name: str, *, scripted_llm: bool) -> Command:
        """The command that runs the service `name`."""
        environment = self._environment(name, scripted_llm)
        command = self._command(name, "-m", f"aiops_{name}", "serve", environment=environment)
        return replace(command, version=_digest(self.root, f"services/{name}/src", *_LIBRARIES))

    def migrate(self, name: str) -> Command:
        """The command that brings the schema of `name` up to date and ends."""
        environment = self._environment(name, scripted_llm=False)
        return self._command(f"migrate-{name}", "-m", f"aiops_{name}", "migrate", environment=environment)

    def scripted_llm(self) -> Command:
        """The command that runs the scripted language model."""
        command = self._command(LLM, "-m", "aiops_common.testing.llm_server", "--port", str(self.ports[LLM]))
        return replace(command, version=_digest(self.root, *_LIBRARIES))

    def provision_postgres(self) -> Command:
        """The command that gives every service its role and schema, and ends."""
        passwords = {f"POSTGRES_PASSWORD_{name.upper()}": self.credentials[f"postgres:{name}"] for name in SERVICES}
        environment = {"POSTGRES_ADMIN_URL": self.postgres.url, **passwords}
        return self._command("provision-postgres", "-m", "aiops_common.postgres", "provision", environment=environment)

    def protect_postgres(self) -> Command:
        """The command that takes the append-only tables from the services, once they are migrated, and ends."""
        environment = {"POSTGRES_ADMIN_URL": self.postgres.url}
        return self._command("protect-postgres", "-m", "aiops_common.postgres", "protect", environment=environment)

    def provision_rabbitmq(self) -> Command:
        """The command that declares the topology and the users, and ends."""
        users = (*SERVICES, PARTNER, OPERATOR)
        passwords = {f"RABBITMQ_PASSWORD_{user.upper()}": self.credentials[f"rabbitmq:{user}"] for user in users}
        environment = {"RABBITMQ_MANAGEMENT_URL": self.rabbitmq.management_url, **passwords}
        topology = ("deploy/rabbitmq/topology.yaml",)
        return self._command(
            "provision-rabbitmq", "-m", "aiops_common.messaging", "provision", *topology, environment=environment
        )

    def stack_env(self, *, scripted_llm: bool) -> dict[str, str]:
        """What those who use the stack need to know, secrets included."""
        model = self._language_model(scripted_llm)
        return {
            "GATEWAY_URL": self.url("gateway"),
            "GRAPHQL_URL": f"{self.url('gateway')}/graphql",
            "ADMIN_EMAIL": ADMIN_EMAIL,
            "ADMIN_PASSWORD": self.credentials["admin"],
            "DATABASE_URL": self.postgres.url,
            "AMQP_URL": self.rabbitmq.url,
            "PARTNER_AMQP_URL": self.rabbitmq.url_for(PARTNER, self.credentials[f"rabbitmq:{PARTNER}"]),
            "OPERATOR_AMQP_URL": self.rabbitmq.url_for(OPERATOR, self.credentials[f"rabbitmq:{OPERATOR}"]),
            "PARTNER_EXCHANGE": f"ingress.{PARTNER}",
            "RABBITMQ_NODE": self.rabbitmq.node,
            "RABBITMQ_MANAGEMENT_URL": self.rabbitmq.management_url,
            "OPENAI_BASE_URL": model.get("OPENAI_BASE_URL", ""),
            "JAEGER_URL": self.jaeger.url if self.jaeger.is_used else "",
            **{f"{name.upper()}_URL": self.url(name) for name in SERVICES if name != "gateway"},
            # For the services' own commands, such as `python -m aiops_gateway rebuild`.
            **{key: value for name in SERVICES for key, value in self._addresses(name).items()},
            **self.rabbitmq.control_environment,
        }

    def _addresses(self, name: str) -> dict[str, str]:
        prefix = name.upper()
        keys = {f"{prefix}_CONTENT_KEYS": self._content_keys()} if name in CONTENT else {}
        if name == "auth":
            keys["AUTH_MASTER_KEY"] = _standard_base64(self.credentials["auth:master-key"])
        return keys | {
            f"{prefix}_DATABASE_URL": self.postgres.url_for(name, self.credentials[f"postgres:{name}"]),
            f"{prefix}_AMQP_URL": self.rabbitmq.url_for(name, self.credentials[f"rabbitmq:{name}"]),
        }

    def _content_keys(self) -> str:
        return json.dumps([f"local:{_standard_base64(self.credentials['content-key'])}"])

    def _environment(self, name: str, scripted_llm: bool) -> dict[str, str]:
        prefix = f"{name.upper()}_"
        own = {
            "HOST": "127.0.0.1",
            "PORT": str(self.ports[name]),
        }
        if name == "auth":
            own |= {
                "ADMIN_EMAIL": ADMIN_EMAIL,
                "ADMIN_PASSWORD": self.credentials["admin"],
            }
        return {
            **({"GATEWAY_DEVELOPMENT": "true"} if name == "gateway" else {}),
            **({"OTEL_EXPORTER_OTLP_ENDPOINT": self.jaeger.otlp} if self.jaeger.is_used else {}),
            **_given(os.environ, prefix, "OTEL_", but_not=f"{prefix}URL"),
            **self._addresses(name),
            **{prefix + variable: value for variable, value in own.items()},
            **(self._language_model(scripted_llm) if name in ENGINES else {}),
            "TRACES_FILE": str(self.layout.traces),
        }

    def _language_model(self, scripted: bool) -> dict[str, str]:
        if not scripted:
            proxies = {name: os.environ[name] for name in (*_PROXIES, "NO_PROXY", "no_proxy") if name in os.environ}
            return {**_given(os.environ, "OPENAI_", "LLM_"), **proxies}
        return {
            **_given(os.environ, "LLM_"),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self.ports[LLM]}/v1",
            "OPENAI_API_KEY": "local",
            "LLM_MODEL": "scripted",
        }

    def _command(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Command:
        return Command(
            name=name,
            argv=(sys.executable, *arguments),
            environment={"PYTHONUNBUFFERED": "1", **(environment or {})},
            directory=self.root,
        )


def _given(environment: Mapping[str, str], *prefixes: str, but_not: str = "") -> dict[str, str]:
    """What the caller set under these prefixes, to pass it on; an empty value counts as not set."""
    return {
        name: value for name, value in environment.items() if name.startswith(prefixes) and value and name != but_not
    }


def _standard_base64(token: str) -> str:
    """The 32 bytes of a URL-safe token without padding, in the standard alphabet with padding."""
    return base64.b64encode(base64.urlsafe_b64decode(token + "=")).decode()


def _digest(root: Path, *directories: str) -> str:
    """Changes with every file in `directories`, but for what Python makes of them."""
    digest = hashlib.sha256()
    for directory in directories:
        for file in sorted((root / directory).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
