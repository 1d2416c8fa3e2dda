"""What happens around every operation: limits, caches, what is observed, and how its errors are shown.

One extension with all hooks instead of one for each: every extension costs a context manager per hook and request,
which together were a fifth of the time of a mutation.
"""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError
from opentelemetry.trace import Tracer
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import StreamExecutionResult

from aiops_gateway.graphql.context import Context
from aiops_gateway.graphql.documents import Documents, Prepared
from aiops_gateway.graphql.metrics import Outcome
from aiops_gateway.graphql.observation import TRACER, Observation

_NO_OPERATION = (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError)
"""Answered by HTTP, without a result that ``Schema`` would see."""


class Operation(MaskErrors):
    """One request's way through parsing, validation and execution."""

    def __init__(self, documents: Documents, tracer: Tracer = TRACER) -> None:
        super().__init__()
        self._documents = documents
        self._prepared: Prepared | None = None
        self._tracer = tracer
        self._observed: Observation

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """``error`` as clients may see it, also inside of streams."""
        return self._documents.present(error)

    def on_operation(self) -> Iterator[None]:
        """Give the operation a context of its own, and observe it."""
        self._observed = Observation(self._tracer)
        if isinstance(self.execution_context.context, Context):
            self.execution_context.context = self.execution_context.context.for_operation(self._observed)
        try:
            yield from super().on_operation()
        except _NO_OPERATION:
            self._observed.finish(Outcome.USER_ERROR)
            raise
        except Exception:
            raise  # it is answered, and counted with its answer
        except BaseException:
            self._observed.finish(Outcome.CANCELLED)  # nobody wants it any more
            raise
        finally:
            self._observed.leave()

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        """What is inside of the context is the transport's, until it asks for the next result."""
        told = False
        try:
            yield from super().on_stream_result(result)
            told = True
        finally:
            self._observed.end_push(told=told)

    def get_results(self) -> dict[str, Any]:
        """``extensions`` of the answer, or of one answer of a subscription: which fields are masked, if any."""
        context = self.execution_context.context
        masked = context.masked.take() if isinstance(context, Context) else []
        return {"masked": masked} if masked else {}

    def on_parse(self) -> Iterator[None]:
        """Parse, or take what was parsed before."""
        context = self.execution_context
        if context.query is not None:
            self._prepared = self._documents.parse(context.query)
            context.graphql_document = self._prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate, or take what was found before; then see what the operation costs with its variables."""
        context = self.execution_context
        if self._prepared is not None:
            schema = context.schema._schema
            self._documents.validate(self._prepared, schema, context.validation_rules)
            context.pre_execution_errors = list(self._prepared.errors or ())
            if not context.pre_execution_errors:
                self._observed.name(self._documents.root(self._prepared, context.operation_name))
                self._documents.check_cost(self._prepared, schema, context.operation_name, context.variables)
        yield
