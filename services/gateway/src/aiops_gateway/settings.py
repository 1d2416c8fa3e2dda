"""Settings of the gateway: ``GATEWAY_*`` in the environment."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from aiops_common.sealing import KeyringSetting
from aiops_common.settings import ServiceSettings


def _origin(value: str) -> str:
    """An origin as browsers write it: scheme, host and a port that is not the scheme's own.

    Raises:
        ValueError: it is something else; a wildcard too, since it would name pages that nobody thought of.
    """
    if not re.fullmatch(r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?", value):
        raise ValueError(f"{value!r} is no origin: write scheme, host and port as in https://console.example.com:8443")
    return value.removesuffix(":80" if value.startswith("http:") else ":443")


Origins = tuple[Annotated[str, AfterValidator(_origin)], ...]


def _network(value: str) -> str:
    """An IP address or network.

    Raises:
        ValueError: it is something else; a wildcard too, since it would let every client say who it is.
    """
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError(f"{value!r} is no network: write an address or a network as in 10.0.0.0/8") from None


Networks = tuple[Annotated[str, AfterValidator(_network)], ...]


class GatewaySettings(ServiceSettings):
    """See ``ServiceSettings`` for what every service has."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", hide_input_in_errors=True)

    content_keys: KeyringSetting
    """Keys under which logs as they came in are sealed, as a JSON list of ``"id:key"``, each key 32 random bytes in
    base64 (``openssl rand -base64 32``); the first seals, all open. The summarizer has the same."""

    prefetch: int = Field(default=400, ge=1, le=5000)
    """Events that are projected at the same time; above the batch size, so that batches can fill."""

    issuer: str = "aiops-auth"
    """``iss`` that access tokens must have."""

    audience: str = "aiops"
    """``aud`` that access tokens must have."""

    audit_retention_days: int = Field(default=365, ge=1, le=36_500)
    """How long the audit log is kept, in days; auth keeps its own record of what happened to accounts and keys."""

    idempotency_days: int = Field(default=90, ge=15, le=36_500)
    """How long an idempotency key is remembered, in days."""

    llm_runs_retention_days: int = Field(default=30, ge=1, le=36_500)
    """How long the API shows what language models were asked, in days; the services keep their own records of it."""

    request_seconds: float = Field(default=5.0, gt=0, le=60)
    """How long to wait for the answer of auth, triage or changelog before a request is UNAVAILABLE."""

    max_body_bytes: int = Field(default=8 * 1024 * 1024, ge=1024)
    """Largest HTTP request body, in bytes."""

    max_body_bytes_held: int = Field(default=256 * 1024 * 1024, ge=1024)
    """Bytes that the HTTP request bodies under way may take together, half of them from one address; what comes beyond
    is refused with 503. Not less than ``GATEWAY_MAX_BODY_BYTES``."""

    max_query_length: int = Field(default=20_000, ge=100, le=1_000_000)
    """Longest GraphQL document, in characters; values belong into variables."""

    max_query_tokens: int = Field(default=2000, ge=1, le=20_000)
    """Longest GraphQL document, in tokens."""

    max_query_depth: int = Field(default=12, ge=1, le=32)
    """Deepest selection of a GraphQL operation."""

    max_query_aliases: int = Field(default=30, ge=0)
    """Most aliases in a GraphQL document, those in fragments counted wherever the fragment is used."""

    max_query_repeats: int = Field(default=20, ge=1, le=200)
    """How often the same field, or alias, may be selected at one place of a GraphQL document."""

    max_query_directives: int = Field(default=30, ge=0, le=1000)
    """Most directives in a GraphQL document."""

    max_query_fragments: int = Field(default=50, ge=0, le=200)
    """Most fragments in a GraphQL document."""

    max_root_fields: int = Field(default=20, ge=1)
    """Most fields at the root of a query or mutation."""

    max_query_cost: int = Field(default=10_000, ge=1)
    """Most that an operation may cost: each field 1, and in a page once for each entry that may come."""

    max_variable_values: int = Field(default=100_000, ge=1000)
    """Most values in the variables of an operation, all that are in lists and objects counted; 1,000 without a
    log-in."""

    max_answer_objects: int = Field(default=20_000, ge=1000)
    """Most objects in an answer, or an event of a subscription; one with ten fields or more counts once more for each
    ten."""

    max_answer_bytes: int = Field(default=32 * 1024 * 1024, ge=1024 * 1024)
    """Largest answer, or event of a subscription: characters of its texts and names."""

    max_page_size: int = Field(default=100, ge=20, le=100)
    """Most entries of a page; 20 come where a request does not say how many."""

    operation_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long a query or mutation may take before it is stopped and answered UNAVAILABLE."""

    requests_per_second: float = Field(default=100.0, gt=0)
    """Requests of one account or API key, on average; operations over WebSocket count each."""

    address_requests_per_second: float = Field(default=200.0, gt=0)
    """Requests from one address, on average; of IPv6 from one network of 64 bits. All limits of rate and number are
    per process: with three replicas they are three times as high."""

    request_burst_seconds: float = Field(default=10.0, ge=1, le=600)
    """How many seconds' worth of requests may come at once."""

    sign_ins_per_minute: float = Field(default=30.0, gt=0)
    """Sign-ups, log-ins and refreshed tokens from one address, on average: 300 people behind one address, who refresh
    their tokens every ten minutes, need as many. Guessing at one account is stopped by auth much earlier."""

    sign_in_burst: float = Field(default=60.0, ge=1)
    """How many of them may come at once."""

    subscriptions_per_connection: int = Field(default=20, ge=1, le=1000)
    """Most operations that are open at the same time on one WebSocket."""

    connections_per_principal: int = Field(default=20, ge=1)
    """Most WebSockets and streams of server-sent events of one account or API key."""

    connections_per_address: int = Field(default=200, ge=1)
    """Most WebSockets and streams of server-sent events from one address; of IPv6 from one network of 64 bits."""

    trusted_proxies: Networks = ()
    """Addresses or networks of proxies whose header ``X-Forwarded-For`` is believed, as a JSON list; none by default,
    so behind a proxy everybody has the proxy's address until it is named here."""

    persisted_operations: Path | None = None
    """JSON file of the operations that requests may name by id, as ``python -m aiops_gateway persist`` writes it."""

    persisted_only: bool = False
    """Whether persisted operations are the only ones that are served."""

    introspection: bool | None = None
    """Whether clients may ask for the schema; where it is not set, in development only."""

    websocket_origins: Origins = ()
    """Origins of web pages that may open a WebSocket beside the gateway's own, as a JSON list."""

    websocket_init_seconds: float = Field(default=10.0, gt=0, le=60)
    """How long a WebSocket may stay open without the message ``connection_init``."""

    cors_origins: Origins = ()
    """Origins of web pages that may call the API beside the gateway's own, as a JSON list; none by default."""

    development: bool = False
    """Whether this is a developer's machine: GraphiQL is then served at ``/graphiql``, the schema may be asked for,
    and errors suggest names of it."""

    @model_validator(mode="after")
    def _can_hold_a_body(self) -> Self:
        if self.max_body_bytes_held < self.max_body_bytes:
            raise ValueError("GATEWAY_MAX_BODY_BYTES_HELD must not be less than GATEWAY_MAX_BODY_BYTES")
        return self

    @model_validator(mode="after")
    def _has_what_it_serves(self) -> Self:
        if self.persisted_only and self.persisted_operations is None:
            raise ValueError("GATEWAY_PERSISTED_ONLY needs GATEWAY_PERSISTED_OPERATIONS, the file of what to serve")
        return self

    @property
    def may_introspect(self) -> bool:
        """Whether clients may ask for the schema."""
        return self.development if self.introspection is None else self.introspection
