"""The schema, its limits, and how its errors are shown."""

from collections.abc import Callable, Iterator
from functools import partial

import strawberry
from graphql import ASTValidationRule, GraphQLError, NoSchemaIntrospectionCustomRule
from opentelemetry import trace
from strawberry.extensions import (
    AddValidationRules,
    MaskErrors,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.extensions.max_aliases import create_validator as alias_rule
from strawberry.extensions.query_depth_limiter import create_validator as depth_rule
from strawberry.types import ExecutionContext

from aiops_gateway.graphql.errors import InputError, present
from aiops_gateway.graphql.mutations import Mutation
from aiops_gateway.graphql.queries import Query
from aiops_gateway.graphql.subscriptions import Subscription
from aiops_gateway.settings import GatewaySettings

_tracer = trace.get_tracer(__name__)


class PresentErrors(MaskErrors):
    """Shows every error the way ``present`` says, also those inside of streams."""

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """``error`` as clients may see it."""
        return present(error)


class OperationSpan(SchemaExtension):
    """One span per operation, named by what it does; never with arguments, they may hold passwords."""

    def on_execute(self) -> Iterator[None]:
        """Span around the execution of a validated operation."""
        kind = self.execution_context.operation_type.value.lower()
        name = self.execution_context.operation_name
        with _tracer.start_as_current_span(
            f"{kind} {name}" if name else kind,
            attributes={"graphql.operation.type": kind, "graphql.operation.name": name or ""},
        ):
            yield


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Present them here too: what goes wrong while parsing never comes by ``PresentErrors``.

        Nothing is logged: ``present`` has told operators what they must know, with its correlation id.
        """
        del execution_context
        errors[:] = [present(error) for error in errors]


def build_schema(settings: GatewaySettings) -> strawberry.Schema:
    """The schema with the limits of ``settings``."""
    # Built once: a rule class made per request would defeat the cache of validated documents.
    rules: list[type[ASTValidationRule]] = [
        depth_rule(settings.max_query_depth, None),
        alias_rule(settings.max_query_aliases),
    ]
    if not settings.introspection:
        rules.append(NoSchemaIntrospectionCustomRule)
    extensions: list[Callable[[], SchemaExtension]] = [
        PresentErrors,
        partial(MaxTokensLimiter, settings.max_query_tokens),
        partial(AddValidationRules, rules),
        ParserCache,
        ValidationCache,
        OperationSpan,
    ]
    return _Schema(query=Query, mutation=Mutation, subscription=Subscription, types=[InputError], extensions=extensions)


def sdl() -> str:
    """The schema in the schema definition language."""
    return strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, types=[InputError]).as_str()
