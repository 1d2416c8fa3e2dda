"""The schema, its limits, and how its errors are shown."""

import asyncio
from functools import partial
from typing import Any

import strawberry
from graphql import ASTValidationRule, GraphQLError, NoSchemaIntrospectionCustomRule
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from aiops_gateway.domain.paging import DEFAULT_PAGE_SIZE
from aiops_gateway.graphql import persisted
from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.cost import Paging
from aiops_gateway.graphql.documents import Documents, Limits
from aiops_gateway.graphql.errors import DeadlineExceeded, InputError
from aiops_gateway.graphql.execution import Execution
from aiops_gateway.graphql.mutations import Mutation
from aiops_gateway.graphql.operation import Operation
from aiops_gateway.graphql.queries import Query
from aiops_gateway.graphql.structure import StructureLimits
from aiops_gateway.graphql.subscriptions import Subscription
from aiops_gateway.service.admission import TooManyConnections, TooManyRequests
from aiops_gateway.settings import GatewaySettings


class Schema(strawberry.Schema):
    """The library's schema with a doorkeeper before, and a deadline for what is executed."""

    def __init__(self, documents: Documents, operation_seconds: float, **options: Any) -> None:
        super().__init__(execution_context_class=Execution, **options)
        self._documents = documents
        self._operation_seconds = operation_seconds

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Present them here too: what goes wrong while parsing never comes by ``Operation``.

        Nothing is logged: ``present`` has told operators what they must know, with its correlation id.
        """
        del execution_context
        errors[:] = [self._documents.present(error) for error in errors]

    async def _prepare_operation_async(
        self, context: ExecutionContext, extensions_runner: SchemaExtensionsRunner
    ) -> PreExecutionError | None:
        # What is raised here would be answered by HTTP only: streams would break off, and a WebSocket log a fault.
        try:
            if isinstance(context.context, Context):
                await context.context.admit()
            return await super()._prepare_operation_async(context, extensions_runner)
        except (GraphQLError, TooManyRequests, TooManyConnections) as error:
            told = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            context.pre_execution_errors = [told]
            return PreExecutionError(data=None, errors=[told])

    async def _execute_operation(self, *arguments: Any) -> Any:
        # Queries and mutations, over whatever transport; not subscriptions.
        try:
            async with asyncio.timeout(self._operation_seconds) as deadline:
                return await super()._execute_operation(*arguments)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise DeadlineExceeded(
                f"the operation took longer than {self._operation_seconds:g} s and was stopped; ask for less at a "
                "time, or try again, a mutation with the same idempotencyKey"
            ) from None


def build_schema(settings: GatewaySettings) -> Schema:
    """The schema with the limits of ``settings``.

    Raises:
        InvalidOperations: the file of persisted operations cannot be used with it.
    """
    rules: list[type[ASTValidationRule]] = [] if settings.may_introspect else [NoSchemaIntrospectionCustomRule]
    path = settings.persisted_operations
    operations = {} if path is None else persisted.load(path)
    documents = Documents(rules, _limits(settings), operations, only=settings.persisted_only)
    schema = Schema(
        documents,
        settings.operation_seconds,
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[InputError],
        extensions=[partial(Operation, documents)],
    )
    persisted.check(operations, schema._schema)
    return schema


def _limits(settings: GatewaySettings) -> Limits:
    return Limits(
        structure=StructureLimits(
            length=settings.max_query_length,
            tokens=settings.max_query_tokens,
            depth=settings.max_query_depth,
            aliases=settings.max_query_aliases,
            repeats=settings.max_query_repeats,
            directives=settings.max_query_directives,
            root_fields=settings.max_root_fields,
            fragments=settings.max_query_fragments,
        ),
        cost=settings.max_query_cost,
        paging=Paging(default=DEFAULT_PAGE_SIZE, most=settings.max_page_size),
        suggestions=settings.development,
    )


def plain() -> strawberry.Schema:
    """The schema without limits, for those who do not serve it."""
    return strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, types=[InputError])


def sdl() -> str:
    """The schema in the schema definition language."""
    return plain().as_str()
