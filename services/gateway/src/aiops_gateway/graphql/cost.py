"""What an operation costs, told from its text, its variables and the schema alone, before anything is resolved.

Every field costs 1. What is selected of the entries of a page is counted once for each entry that the page may have:
``first`` or ``last`` as it is given, or the size of a page where nothing is said; of a list that is no page and yet has
``first``, as a history has, all that there may be. Lists of neither kind count once: how long they are is only known
when they are there, and then limited (execution.py). ``@skip`` and ``@include`` are left out of account: the cost is
the most that an operation can come to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from aiops_gateway.service.history import MOST_VERSIONS


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """Entries of a page that variables say: the most of theirs and ``number``; ``otherwise`` where all are null."""

    variables: tuple[str, ...]
    number: int
    """What is said beside the variables; 0 for nothing."""
    otherwise: int


_Size: TypeAlias = int | Asked

_Price: TypeAlias = dict[tuple[Asked, ...], int]
"""A sum: factor of the product of these sizes; what depends on no variable stands under ()."""

_SIZES = ("first", "last")


@dataclass(frozen=True, slots=True)
class Paging:
    """How many entries a page has where nothing is said, and at most."""

    default: int
    most: int


@dataclass(frozen=True, slots=True)
class Price:
    """The cost of an operation as far as its document says it; variables say the rest."""

    paging: Paging
    terms: Mapping[tuple[Asked, ...], int]
    defaults: Mapping[str, int | None]
    """The operation's variables, with the numbers that the document gives them as defaults."""

    def of(self, variables: Mapping[str, Any]) -> int:
        """The cost with these variables.

        Raises:
            GraphQLError: one of them asks for a page that is too large.
        """
        sizes = {asked: self._size(asked, variables) for term in self.terms for asked in term}
        return sum(factor * prod(sizes[asked] for asked in term) for term, factor in self.terms.items())

    def _size(self, asked: Asked, variables: Mapping[str, Any]) -> int:
        given = [one for name in asked.variables if (one := self._given(name, variables)) is not None]
        return max(asked.number, *given) if given else asked.number or asked.otherwise

    def _given(self, name: str, variables: Mapping[str, Any]) -> int | None:
        value = variables.get(name, self.defaults.get(name))
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # GraphQL takes 100.0 for an Int too
        if isinstance(value, bool) or not isinstance(value, int):
            return self.paging.most  # it will be refused when it is read; how, is said there
        return _checked(value, f"${name}", self.paging)


def price(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, paging: Paging) -> Price:
    """The price of ``operation`` of a document that is valid: without fragments that contain themselves.

    Raises:
        GraphQLError: a page is asked for that is larger than may be.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    pricing = _Pricing(schema, fragments, paging)
    terms = pricing.selections(operation.selection_set, schema.get_root_type(operation.operation), paging.default)
    defaults: dict[str, int | None] = {}
    for variable in operation.variable_definitions or ():
        given = variable.default_value
        defaults[variable.variable.name.value] = int(given.value) if isinstance(given, IntValueNode) else None
    return Price(paging, terms, defaults)


class _Pricing:
    def __init__(self, schema: GraphQLSchema, fragments: dict[str, FragmentDefinitionNode], paging: Paging) -> None:
        self._schema = schema
        self._fragments = fragments
        self._paging = paging
        self._known: dict[tuple[str, _Size], _Price] = {}

    def selections(self, node: SelectionSetNode, parent: object, page: _Size) -> _Price:
        """The price of what is selected of ``parent``; ``page`` is how many entries its lists have if it is a page."""
        total: _Price = {(): 0}
        for one in node.selections:
            if isinstance(one, FieldNode):
                total[()] += 1
                if one.selection_set and isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
                    definition = parent.fields.get(one.name.value)
                    if definition is not None:
                        _add(total, self._below(one, one.selection_set, definition, _is_page(parent), page))
            elif isinstance(one, InlineFragmentNode):
                condition = one.type_condition
                kind = self._schema.get_type(condition.name.value) if condition else parent
                _add(total, self.selections(one.selection_set, kind, page))
            elif isinstance(one, FragmentSpreadNode):
                _add(total, self._fragment(one.name.value, page))
        return total

    def _below(
        self, node: FieldNode, selected: SelectionSetNode, definition: GraphQLField, in_page: bool, page: _Size
    ) -> _Price:
        is_list = is_list_type(get_nullable_type(definition.type))
        otherwise = MOST_VERSIONS if is_list else self._paging.default
        own = self._size(node, otherwise) if any(name in definition.args for name in _SIZES) else None
        inner = self.selections(selected, get_named_type(definition.type), self._paging.default if own is None else own)
        if not is_list or (own is None and not in_page):
            return inner
        return _times(inner, page if own is None else own)

    def _fragment(self, name: str, page: _Size) -> _Price:
        known = self._known.get((name, page))
        if known is None:
            node = self._fragments[name]
            kind = self._schema.get_type(node.type_condition.name.value)
            known = self._known[name, page] = self.selections(node.selection_set, kind, page)
        return known

    def _size(self, node: FieldNode, otherwise: int) -> _Size:
        numbers: list[int] = []
        variables: list[str] = []
        for argument in node.arguments or ():
            value = argument.value
            if argument.name.value in _SIZES and isinstance(value, VariableNode):
                variables.append(value.name.value)
            elif argument.name.value in _SIZES and isinstance(value, IntValueNode):
                numbers.append(_checked(int(value.value), argument.name.value, self._paging))
        if not variables:
            return max(numbers, default=otherwise)
        # Any of them may be null, and then another one counts.
        return Asked(tuple(sorted(variables)), max(numbers, default=0), otherwise)


def _is_page(kind: GraphQLObjectType | GraphQLInterfaceType) -> bool:
    return "pageInfo" in kind.fields


def _checked(size: int, name: str, paging: Paging) -> int:
    if size > paging.most:
        raise GraphQLError(f"{name} must be between 1 and {paging.most}, not {size}")
    return max(size, 1)


def _add(total: _Price, more: _Price) -> None:
    for term, factor in more.items():
        total[term] = total.get(term, 0) + factor


def _times(price: _Price, size: _Size) -> _Price:
    if isinstance(size, int):
        return {term: factor * size for term, factor in price.items()}
    return {tuple(sorted((*term, size))): factor for term, factor in price.items()}
