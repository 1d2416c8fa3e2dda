"""Settings that every service has, and how a wrong one is told."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, Secret, SecretBytes, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings
from pydantic_settings.exceptions import SettingsError


class Colour(StrEnum):
    """Of two releases beside each other."""

    BLUE = "blue"
    GREEN = "green"


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

    send_seconds: float = Field(default=10.0, gt=0, le=600)
    """How long a client may take nothing of what waits for it, in seconds, before its connection is closed."""

    receive_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long the body of an HTTP request may take to come, in seconds, before it is given up; its head has 10."""

    max_connections: int = Field(default=10_000, ge=10)
    """Most connections of clients at the same time, WebSockets among them; more are closed as they come. At most half
    of the files that the system lets the process open, whatever is set."""

    websocket_message_bytes: int = Field(default=2 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Largest message that is read from a WebSocket, in bytes; a larger one closes it."""

    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    """Level of our own loggers; libraries log from WARNING on."""

    database_pool_size: int = Field(default=10, ge=2, le=100)
    """Most connections to PostgreSQL."""

    colour: Colour | None = None
    """``blue`` or ``green``, where two releases run beside each other: work is taken while it is this one's turn, which
    the command ``colours`` decides. Without a colour it always is."""

    prefetch: int = Field(default=64, ge=1, le=1000)
    """Deliveries that are processed at the same time."""

    max_attempts: int = Field(default=5, ge=1, le=20)
    """How often a message is tried before it is dead-lettered."""

    retry_waits: Annotated[tuple[Literal["5s", "30s", "2m", "10m"], ...], Field(min_length=1)] = (
        "5s",
        "30s",
        "2m",
        "10m",
    )
    """How long it waits after its first, second, … failure, as a JSON list; the last repeats. Each wait is shortened by
    up to 30 % at random."""

    deadline_seconds: int = Field(default=24 * 3600, ge=1)
    """How long a message may wait in all, from its first failure or deferral on, before it is dead-lettered."""

    outbox_retention_days: int = Field(default=7, ge=1, le=3650)
    """Days for which sent messages are kept, to be sent again with ``resend``; what was received is remembered for
    twice as long, so that it is known again."""

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        return _address(value, "postgresql", "postgres")

    @field_validator("amqp_url")
    @classmethod
    def _is_amqp(cls, value: SecretStr) -> SecretStr:
        return _address(value, "amqp", "amqps")


def _address(value: SecretStr, *schemes: str) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        valid = parts.scheme in schemes and parts.port != 0
    except ValueError:  # its text quotes the address, and with it the password
        valid = False
    if not valid:
        raise ValueError(f"must be an address like {schemes[0]}://user:password@host:port/name")
    return value


def told(settings: BaseSettings) -> dict[str, object]:
    """``settings`` as they may be logged: without secrets, and without what names a person."""
    kept = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {name: value for name, value in kept.items() if not _is_secret(value) and not name.endswith("email")}


def _is_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_secret, value.values()))
    return isinstance(value, Secret | SecretStr | SecretBytes) or (
        isinstance(value, tuple | list | set | frozenset) and any(map(_is_secret, value))
    )


S = TypeVar("S", bound=BaseSettings)


def load_settings(kind: type[S]) -> S:
    """Read the settings from the environment; a wrong one ends the process.

    Raises:
        SystemExit: status 2, after naming each wrong variable and why on standard error; never its value.
    """
    prefix = str(kind.model_config.get("env_prefix", ""))
    try:
        return kind()
    except SettingsError as error:
        # A list that is not JSON. The text names the field, the value stands in the cause only.
        named = next((name for name in kind.model_fields if f'"{name}"' in str(error)), "(settings)")
        print(f"{prefix}{named}".upper() + ": must be valid JSON", file=sys.stderr)  # noqa: T201 -- as below
        raise SystemExit(2) from None
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            field = str(problem["loc"][0]) if problem["loc"] else "(settings)"
            variable = field if field.isupper() else f"{prefix}{field}".upper()
            within = "".join(f"{part}." for part in problem["loc"][1:])[:-1]
            told = f"{within}: {problem['msg']}" if within else problem["msg"]
            print(f"{variable}: {told}", file=sys.stderr)  # noqa: T201 -- before logging is set up
        raise SystemExit(2) from None
