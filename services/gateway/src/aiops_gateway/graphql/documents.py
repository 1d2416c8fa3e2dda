"""Documents, parsed and validated within limits; those that come again and again are kept."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
    validate,
)

from aiops_gateway.graphql import persisted
from aiops_gateway.graphql.cost import Paging, Price, price
from aiops_gateway.graphql.errors import present, without_suggestion
from aiops_gateway.graphql.roots import INVALID, Root, root_of
from aiops_gateway.graphql.structure import StructureLimits, check_structure, limit_exceeded

_KEPT_LENGTH: Final = 100_000
"""Characters of documents that are kept. Parsed, one that was made for it takes 350 times the memory of its text."""
_LONGEST_KEPT: Final = 10_000
"""Characters of a document that is kept; one cannot take the place of all the others."""
_MOST_ERRORS: Final = 20
"""Each further one costs time and a line of the answer, and teaches nobody anything."""


@dataclass(slots=True)
class Prepared:
    """A document that was parsed, and what is wrong with it, once it was validated."""

    document: DocumentNode
    length: int
    """Characters of its text."""
    errors: list[GraphQLError] | None = None
    prices: dict[str | None, Price] = field(default_factory=dict)
    """What its operations cost, by their names, as far as that was asked."""
    roots: dict[str | None, Root] = field(default_factory=dict)
    """What its operations are, likewise."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may be and cost; ``suggestions`` is whether errors may name parts of the schema."""

    structure: StructureLimits
    cost: int
    paging: Paging
    suggestions: bool = False


class Documents:
    """Parses and validates documents within limits; clients send few different ones, so the last are kept.

    The rules are given once and shared by all requests. ``operations`` are those that a request may name; with ``only``
    there are no others.
    """

    def __init__(
        self,
        rules: Sequence[type[ASTValidationRule]],
        limits: Limits,
        operations: Mapping[str, str] | None = None,
        *,
        only: bool = False,
    ) -> None:
        self._rules = tuple(rules)
        self._limits = limits
        self._kept: OrderedDict[str, Prepared] = OrderedDict()
        self._kept_length = 0
        self._operations = dict(operations or {})
        self._allowed = frozenset(self._operations.values()) if only else None

    def parse(self, text: str) -> Prepared:
        """The document ``text``, or the one that it stands for.

        Raises:
            GraphQLError: it is not GraphQL, exceeds a limit of its structure, or is not among those that are allowed.
        """
        prepared = self._kept.get(text)
        if prepared is not None:
            self._kept.move_to_end(text)
            return prepared
        document = self._written_out(text)
        prepared = Prepared(self._parse(document), len(document))
        check_structure(prepared.document, self._limits.structure)
        if prepared.length <= _LONGEST_KEPT:
            self._keep(text, prepared)
        return prepared

    def _keep(self, text: str, prepared: Prepared) -> None:
        self._kept[text] = prepared
        self._kept_length += prepared.length
        while self._kept_length > _KEPT_LENGTH:
            _, oldest = self._kept.popitem(last=False)
            self._kept_length -= oldest.length

    def present(self, error: GraphQLError) -> GraphQLError:
        """``error`` as clients may see it."""
        shown = present(error)
        return shown if self._limits.suggestions else without_suggestion(shown)

    def _written_out(self, text: str) -> str:
        name = persisted.marked(text)
        if name is not None:
            document = self._operations.get(name)
            if document is None:
                raise GraphQLError("there is no persisted operation of this id; send one that the operator has added")
            return document
        if self._allowed is not None and text not in self._allowed:
            raise GraphQLError("only persisted operations are served here: send the id of one as documentId")
        return text

    def _parse(self, text: str) -> DocumentNode:
        most = self._limits.structure
        if len(text) > most.length:
            raise limit_exceeded(
                f"the document has {len(text)} characters, the limit is {most.length}; send values as variables"
            )
        try:
            return parse(text, max_tokens=most.tokens)
        except GraphQLError as error:
            if "Document contains more than" in error.message:
                raise limit_exceeded(
                    f"the document has more than {most.tokens} tokens, which is the limit; ask for less at a time, and "
                    "send values as variables"
                ) from None
            if "nested too deeply" in error.message:
                raise limit_exceeded(
                    f"the document is nested too deeply to be read; the limit is {most.depth} levels of fields"
                ) from None
            raise

    def validate(self, prepared: Prepared, schema: GraphQLSchema, standard: Sequence[type[ASTValidationRule]]) -> None:
        """Find out what is wrong with the document, unless that is known."""
        if prepared.errors is None:
            prepared.errors = validate(
                schema,
                prepared.document,
                (*standard, *self._rules),
                max_errors=_MOST_ERRORS,
                hide_suggestions=not self._limits.suggestions,
            )

    def root(self, prepared: Prepared, name: str | None) -> Root:
        """What the operation ``name`` of a valid document is."""
        known = prepared.roots.get(name)
        if known is None:
            operation = _operation(prepared.document, name)
            if operation is None:
                return INVALID
            known = prepared.roots[name] = root_of(prepared.document, operation)
        return known

    def check_cost(
        self, prepared: Prepared, schema: GraphQLSchema, name: str | None, variables: Mapping[str, Any] | None
    ) -> None:
        """Check what the operation ``name`` of a valid document costs with these variables.

        Raises:
            GraphQLError: it is over the budget, or a page would be too large.
        """
        known = prepared.prices.get(name)
        if known is None:
            operation = _operation(prepared.document, name)
            if operation is None:
                return
            known = prepared.prices[name] = price(schema, prepared.document, operation, self._limits.paging)
        cost = known.of(variables or {})
        if cost > self._limits.cost:
            raise limit_exceeded(
                f"the operation costs {cost}, the budget is {self._limits.cost}; each field costs 1, in a page or a "
                "history once for each entry that may come: ask for smaller pages or fewer fields"
            )


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name)):
            return node
    return None
