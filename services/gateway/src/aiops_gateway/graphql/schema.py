"""The schema, its limits, and how its errors are shown."""

from functools import partial

import strawberry
from graphql import ASTValidationRule, GraphQLError, NoSchemaIntrospectionCustomRule
from strawberry.extensions.max_aliases import create_validator as alias_rule
from strawberry.extensions.query_depth_limiter import create_validator as depth_rule
from strawberry.types import ExecutionContext

from aiops_gateway.graphql.errors import InputError, present
from aiops_gateway.graphql.mutations import Mutation
from aiops_gateway.graphql.operation import Documents, Operation
from aiops_gateway.graphql.queries import Query
from aiops_gateway.graphql.subscriptions import Subscription
from aiops_gateway.settings import GatewaySettings


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Present them here too: what goes wrong while parsing never comes by ``Operation``.

        Nothing is logged: ``present`` has told operators what they must know, with its correlation id.
        """
        del execution_context
        errors[:] = [present(error) for error in errors]


def build_schema(settings: GatewaySettings) -> strawberry.Schema:
    """The schema with the limits of ``settings``."""
    rules: list[type[ASTValidationRule]] = [
        depth_rule(settings.max_query_depth, None),
        alias_rule(settings.max_query_aliases),
    ]
    if not settings.introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    documents = Documents(rules, settings.max_query_tokens)
    return _Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[InputError],
        extensions=[partial(Operation, documents)],
    )


def sdl() -> str:
    """The schema in the schema definition language."""
    return strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, types=[InputError]).as_str()
