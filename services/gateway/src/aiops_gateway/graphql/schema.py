"""The schema, its limits, and how its errors are shown."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    execute,
)
from opentelemetry.trace import Tracer
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError
from strawberry.utils.await_maybe import await_maybe

from aiops_common.metrics import OTHER
from aiops_gateway.domain.access import Unauthenticated
from aiops_gateway.domain.paging import DEFAULT_PAGE_SIZE
from aiops_gateway.graphql import persisted
from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.cost import Paging
from aiops_gateway.graphql.documents import Documents, Limits
from aiops_gateway.graphql.errors import AnswerTooLarge, DeadlineExceeded, InputError
from aiops_gateway.graphql.execution import limited
from aiops_gateway.graphql.metrics import expose
from aiops_gateway.graphql.mutations import Mutation
from aiops_gateway.graphql.observation import TRACER
from aiops_gateway.graphql.operation import Operation
from aiops_gateway.graphql.queries import Query
from aiops_gateway.graphql.sizes import count_characters, count_values
from aiops_gateway.graphql.structure import StructureLimits, limit_exceeded
from aiops_gateway.graphql.subscriptions import Subscription
from aiops_gateway.service.admission import TooManyConnections, TooManyRequests
from aiops_gateway.settings import GatewaySettings

_ANONYMOUS_VALUES: Final = 1_000
"""Most values in the variables of who is not logged in: what may be done then needs three."""
_ASIDE: Final = 2_000
"""Values from which on variables are read in a thread, so that the event loop stays free."""


class Schema(strawberry.Schema):
    """The library's schema with a doorkeeper before, a deadline for what is executed, and a scale behind."""

    def __init__(self, documents: Documents, settings: GatewaySettings, **options: Any) -> None:
        super().__init__(execution_context_class=limited(settings.max_answer_objects), **options)
        self._documents = documents
        self._operation_seconds = settings.operation_seconds
        self._values = settings.max_variable_values
        self._answer = settings.max_answer_bytes

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
                await self._check_values(context.context, context.variables)
            return await super()._prepare_operation_async(context, extensions_runner)
        except (GraphQLError, TooManyRequests, TooManyConnections, Unauthenticated) as error:
            told = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            context.pre_execution_errors = [told]
            return PreExecutionError(data=None, errors=[told])

    async def _check_values(self, context: Context, variables: Mapping[str, Any] | None) -> None:
        # Before anything is made of them: they are converted before it is known whether the caller may do this.
        count = count_values(variables, self._values)
        if count <= _ANONYMOUS_VALUES:
            return
        if count > self._values:
            raise limit_exceeded(
                f"the variables have more than {self._values} values, which is the limit; send less at a time"
            )
        if not await context.has_credential():
            raise limit_exceeded(
                f"the variables have more than {_ANONYMOUS_VALUES} values, the limit without a log-in; log in, or send "
                "less at a time"
            )

    def _get_execute_function(self) -> Callable[..., Any]:
        return _execute

    async def _handle_execution_result(
        self, context: ExecutionContext, result: Any, extensions_runner: SchemaExtensionsRunner, **options: Any
    ) -> Any:
        # Answers and events alike, over whatever transport.
        if count_characters(result.data, self._answer) > self._answer:
            error = AnswerTooLarge(
                f"the answer has more than {self._answer} characters, which is the limit; ask for smaller pages or for "
                "fewer long texts"
            )
            result = PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])
            options = {}
        answer = await super()._handle_execution_result(context, result, extensions_runner, **options)
        if isinstance(context.context, Context) and context.context.observation is not None:
            errors = answer.errors or ()
            context.context.observation.answer([(error.extensions or {}).get("code", OTHER) for error in errors])
        return answer

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


def _execute(
    schema: GraphQLSchema, document: DocumentNode, *, variable_values: dict[str, Any] | None, **options: Any
) -> Any:
    work = partial(execute, schema, document, variable_values=variable_values, **options)
    return _aside(work) if count_values(variable_values, _ASIDE) > _ASIDE else work()


async def _aside(work: Callable[[], Any]) -> Any:
    # graphql-core and the library make objects of all variables at once, 50 µs for each commit of a changelog. What
    # waits for something is not run in the thread but comes out of it.
    return await await_maybe(await asyncio.to_thread(work))


def build_schema(settings: GatewaySettings, tracer: Tracer = TRACER) -> Schema:
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
        settings,
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[InputError],
        extensions=[partial(Operation, documents, tracer)],
    )
    persisted.check(operations, schema._schema)
    expose(schema._schema)
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
