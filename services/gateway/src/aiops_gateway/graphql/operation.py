"""What happens around every operation: limits, caches, one span, and how its errors are shown.

One extension with all hooks instead of one for each: every extension costs a context manager per hook and request,
which together were a fifth of the time of a mutation.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from graphql import ASTValidationRule, DocumentNode, GraphQLError, GraphQLSchema, parse, validate
from opentelemetry import trace
from strawberry.extensions import MaskErrors

from aiops_gateway.graphql.errors import present

_tracer = trace.get_tracer(__name__)

_KEPT_DOCUMENTS: Final = 256
_KEPT_LENGTH: Final = 10_000
"""Longest document text that is kept, in characters; together with the number it bounds the memory."""


@dataclass(slots=True)
class Prepared:
    """A document that was parsed, and what is wrong with it, once it was validated."""

    document: DocumentNode
    errors: list[GraphQLError] | None = None


class Documents:
    """Parses and validates documents within limits; clients send few different ones, so the last are kept.

    The rules are given once and shared by all requests.
    """

    def __init__(self, rules: Sequence[type[ASTValidationRule]], max_tokens: int) -> None:
        self._rules = tuple(rules)
        self._max_tokens = max_tokens
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def parse(self, text: str) -> Prepared:
        """The document ``text``.

        Raises:
            GraphQLError: it is not GraphQL, or has too many tokens.
        """
        prepared = self._kept.get(text)
        if prepared is None:
            prepared = Prepared(parse(text, max_tokens=self._max_tokens))
            if len(text) <= _KEPT_LENGTH:
                self._kept[text] = prepared
                if len(self._kept) > _KEPT_DOCUMENTS:
                    self._kept.popitem(last=False)
        return prepared

    def validate(self, prepared: Prepared, schema: GraphQLSchema, standard: Sequence[type[ASTValidationRule]]) -> None:
        """Find out what is wrong with the document, unless that is known."""
        if prepared.errors is None:
            prepared.errors = validate(schema, prepared.document, (*standard, *self._rules))


class Operation(MaskErrors):
    """One request's way through parsing, validation and execution."""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self._prepared: Prepared | None = None

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """``error`` as clients may see it, also inside of streams."""
        return present(error)

    def on_parse(self) -> Iterator[None]:
        """Parse, or take what was parsed before."""
        context = self.execution_context
        if context.query is not None:
            self._prepared = self._documents.parse(context.query)
            context.graphql_document = self._prepared.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Validate, or take what was found before."""
        context = self.execution_context
        if self._prepared is not None:
            self._documents.validate(self._prepared, context.schema._schema, context.validation_rules)
            context.pre_execution_errors = list(self._prepared.errors or ())
        yield

    def on_execute(self) -> Iterator[None]:
        """One span, named by what the operation does; never with arguments, they may hold passwords."""
        kind = self.execution_context.operation_type.value.lower()
        name = self.execution_context.operation_name
        with _tracer.start_as_current_span(
            f"{kind} {name}" if name else kind,
            attributes={"graphql.operation.type": kind, "graphql.operation.name": name or ""},
        ):
            yield
