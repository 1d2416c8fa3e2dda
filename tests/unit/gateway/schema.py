"""The gateway's schema, built as the composition root builds it, and the use cases under it."""

from dataclasses import fields
from functools import cache
from typing import Any, cast

from graphql import GraphQLSchema
from graphql import build_schema as parse_schema
from pydantic import SecretStr
from strawberry import Schema

from aiops_gateway.graphql.context import UseCases
from aiops_gateway.graphql.schema import build_schema
from aiops_gateway.settings import GatewaySettings
from support.content_keys import content_keys

SETTINGS = GatewaySettings(
    database_url=SecretStr("postgresql://gateway@localhost/x"),
    amqp_url=SecretStr("amqp://x@y/"),
    content_keys=SecretStr(content_keys()),
)


@cache
def built() -> Schema:
    """The schema with the default limits; nothing is connected to."""
    return build_schema(SETTINGS)


@cache
def published() -> GraphQLSchema:
    """The schema as clients see it: read back from its SDL."""
    return parse_schema(built().as_str())


def use_cases(**used: object) -> UseCases:
    """Those that a test uses; the others are not there."""
    return UseCases(**{one.name: cast(Any, used.get(one.name)) for one in fields(UseCases)})
