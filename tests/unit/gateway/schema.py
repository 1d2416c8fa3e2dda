"""The gateway's schema, built as the composition root builds it."""

from functools import cache

from graphql import GraphQLSchema
from graphql import build_schema as parse_schema
from pydantic import SecretStr
from strawberry import Schema

from aiops_gateway.graphql.schema import build_schema
from aiops_gateway.settings import GatewaySettings


@cache
def built() -> Schema:
    """The schema with the default limits; nothing is connected to."""
    return build_schema(
        GatewaySettings(database_url=SecretStr("postgresql://gateway@localhost/x"), amqp_url=SecretStr("amqp://x@y/"))
    )


@cache
def published() -> GraphQLSchema:
    """The schema as clients see it: read back from its SDL."""
    return parse_schema(built().as_str())
