"""Settings that every service has, and how a wrong one is told."""

import sys
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings


class ServiceSettings(BaseSettings):
    """Environment of a service, with its name as prefix, as in ``<NAME>_DATABASE_URL``. Secrets have no default."""

    database_url: SecretStr
    """``postgresql://role:password@host:port/database``; the role's search_path is the service's schema."""

    amqp_url: SecretStr
    """``amqp://user:password@host:port/vhost``."""

    host: str = "127.0.0.1"
    """Address to listen on for health, metrics and, where there is one, the API."""

    port: int = Field(default=8000, ge=1, le=65535)
    """Port to listen on."""

    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Level of our own loggers; libraries log from WARNING on."""

    database_pool_size: int = Field(default=10, ge=2, le=100)
    """Most connections to PostgreSQL."""

    prefetch: int = Field(default=64, ge=1, le=1000)
    """Deliveries that are processed at the same time."""

    max_attempts: int = Field(default=5, ge=1, le=20)
    """How often a message is tried before it is dead-lettered."""


S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S]) -> S:
    """Read the settings from the environment; a wrong one ends the process.

    Raises:
        SystemExit: status 2, after naming each wrong variable and why on standard error; never its value.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for problem in error.errors(include_url=False, include_input=False):
            field = str(problem["loc"][0]) if problem["loc"] else "(settings)"
            variable = field if field.isupper() else f"{prefix}{field}".upper()
            print(f"{variable}: {problem['msg']}", file=sys.stderr)  # noqa: T201 -- before logging is set up
        raise SystemExit(2) from None
