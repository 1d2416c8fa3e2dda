"""Settings of the gateway: ``GATEWAY_*`` in the environment."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from aiops_common.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """See ``ServiceSettings`` for what every service has."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", hide_input_in_errors=True)

    prefetch: int = Field(default=400, ge=1, le=5000)
    """Events that are projected at the same time; above the batch size, so that batches can fill."""

    issuer: str = "aiops-auth"
    """``iss`` that access tokens must have."""

    audience: str = "aiops"
    """``aud`` that access tokens must have."""

    request_seconds: float = Field(default=5.0, gt=0, le=60)
    """How long to wait for auth's or triage's answer before a request is UNAVAILABLE."""

    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024)
    """Largest HTTP request body, in bytes."""

    max_query_depth: int = Field(default=12, ge=1)
    """Deepest selection of a GraphQL operation."""

    max_query_tokens: int = Field(default=2000, ge=1)
    """Longest GraphQL document, in tokens."""

    max_query_aliases: int = Field(default=30, ge=0)
    """Most aliases in a GraphQL document."""

    introspection: bool = True
    """Whether clients may ask for the schema; switch it off where the API is public."""

    websocket_origins: tuple[str, ...] = ()
    """Origins of web pages that may open a WebSocket beside the gateway's own, as a JSON list."""
