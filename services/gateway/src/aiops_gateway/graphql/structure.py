"""Limits on the shape of a document, checked right after it was parsed and before anything costly looks at it.

The rules of the specification are not safe to run on any document: whether fields can be merged is found out by
comparing each with each of the same name, so 20,000 times ``id`` are two hundred million comparisons. What is checked
here takes time in proportion to the length of the document, however often its fragments are used: a fragment is
measured once, and its numbers are added wherever it is spread.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

MOST_NESTED: Final = 64
"""Selections inside of each other, fragments counted: what else walks a document does so by recursion."""

_MERGED: Final = 5
"""How many times ``repeats`` one place may be selected in all: validation compares each selection with each."""

_INTROSPECTION: Final = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class StructureLimits:
    """Most of each that a document may have; ``length`` is in characters."""

    length: int
    tokens: int
    depth: int
    aliases: int
    repeats: int
    directives: int
    root_fields: int
    fragments: int


def limit_exceeded(message: str) -> GraphQLError:
    """A refusal with code LIMIT_EXCEEDED; the message says the number, the limit and what to do."""
    return GraphQLError(message, extensions={"code": "LIMIT_EXCEEDED"})


@dataclass(slots=True)
class _Shape:
    """What a selection set comes to with its fragments written out."""

    depth: int = 0
    """Levels of fields below this one; introspection is left out, its depth is limited by graphql-core."""
    height: int = 0
    """Levels of selections below this one, those of fragments too."""
    aliases: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    """How often each name stands in the answer at this level."""
    below: dict[str, int] = field(default_factory=dict)
    """Name at this level → ``merged`` of what is selected of it."""

    @property
    def merged(self) -> int:
        """How often one place may be selected at most, where selections of fields of one name are merged."""
        return max((count * self.below.get(key, 1) for key, count in self.keys.items()), default=1)

    def take_in(self, other: "_Shape") -> None:
        """Add a fragment that is spread here."""
        self.depth = max(self.depth, other.depth)
        self.height = max(self.height, other.height + 1)
        self.aliases += other.aliases
        self.keys.update(other.keys)
        for key, merged in other.below.items():
            self.below[key] = max(self.below.get(key, 1), merged)

    def take_below(self, name: str, key: str, other: "_Shape") -> None:
        """Add what is selected of the field ``name``, which stands in the answer as ``key``."""
        self.below[key] = max(self.below.get(key, 1), other.merged)
        self.height = max(self.height, other.height + 1)
        self.aliases += other.aliases
        if name not in _INTROSPECTION:
            self.depth = max(self.depth, other.depth + 1)


def check_structure(document: DocumentNode, limits: StructureLimits) -> None:
    """Check every operation and every fragment of ``document``, used or not.

    Raises:
        GraphQLError: a limit is exceeded (code LIMIT_EXCEEDED), or a fragment contains itself.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    written = sum(isinstance(node, FragmentDefinitionNode) for node in document.definitions)
    if written > limits.fragments:
        raise limit_exceeded(
            f"the document has {written} fragments, the limit is {limits.fragments}; send those that are used only"
        )
    walk = _Walk(fragments, limits)
    for name in fragments:
        walk.fragment(name, 0)
    aliases = 0
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            aliases += _check_operation(walk, node, limits)
    if aliases > limits.aliases:
        raise limit_exceeded(
            f"the document has {aliases} aliases, those in fragments counted wherever they are used; the limit is "
            f"{limits.aliases}; send several smaller requests"
        )
    if walk.directives > limits.directives:
        raise limit_exceeded(
            f"the document has {walk.directives} directives, the limit is {limits.directives}; use fewer"
        )


def _check_operation(walk: "_Walk", node: OperationDefinitionNode, limits: StructureLimits) -> int:
    walk.directives += len(node.directives or ())
    walk.directives += sum(len(variable.directives or ()) for variable in node.variable_definitions or ())
    shape = walk.selections(node.selection_set, 0)
    kind = node.operation.value
    if shape.depth > limits.depth:
        raise limit_exceeded(
            f"the {kind} is {shape.depth} levels deep, the limit is {limits.depth}; ask for what is further down by "
            "its id"
        )
    roots = shape.keys.total()
    if roots > limits.root_fields:
        raise limit_exceeded(
            f"the {kind} has {roots} fields at its root, the limit is {limits.root_fields}; send several requests"
        )
    return shape.aliases


class _Walk:
    """One way through a document."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode], limits: StructureLimits) -> None:
        self.directives = 0
        self._fragments = fragments
        self._limits = limits
        self._known: dict[str, _Shape] = {}
        self._entered: set[str] = set()

    def fragment(self, name: str, level: int) -> _Shape:
        """The shape of a fragment; empty where there is none of that name, which validation will tell."""
        known = self._known.get(name)
        if known is None:
            node = self._fragments.get(name)
            if node is None:
                return _Shape()
            if name in self._entered:
                raise GraphQLError(f"fragment {name} contains itself; fragments must not", [node])
            self._entered.add(name)
            self.directives += len(node.directives or ())
            known = self._known[name] = self.selections(node.selection_set, level)
        if level + known.height > MOST_NESTED:
            raise _nested()
        return known

    def selections(self, node: SelectionSetNode, level: int) -> _Shape:
        """The shape of a selection set that is ``level`` others deep."""
        if level > MOST_NESTED:
            raise _nested()
        shape = _Shape()
        keys = shape.keys
        for one in node.selections:
            if one.directives:
                self.directives += len(one.directives)
            if isinstance(one, FieldNode):
                shape.aliases += one.alias is not None
                key = (one.alias or one.name).value
                keys[key] += 1
                if one.selection_set:
                    shape.take_below(one.name.value, key, self.selections(one.selection_set, level + 1))
            elif isinstance(one, InlineFragmentNode):
                shape.take_in(self.selections(one.selection_set, level + 1))
            elif isinstance(one, FragmentSpreadNode):
                shape.take_in(self.fragment(one.name.value, level + 1))
        self._check_repeats(keys)
        if shape.merged > _MERGED * self._limits.repeats:
            raise limit_exceeded(
                f"one place is selected {shape.merged} times, repetitions of the fields above it multiplied; the limit "
                f"is {_MERGED * self._limits.repeats}; once is enough"
            )
        return shape

    def _check_repeats(self, keys: Counter[str]) -> None:
        most = max(keys.values(), default=0)
        if most > self._limits.repeats:
            name = next(key for key, count in keys.items() if count == most)
            raise limit_exceeded(
                f"{name} is selected {most} times at one place, the limit is {self._limits.repeats}; once is enough"
            )


def _nested() -> GraphQLError:
    return limit_exceeded(
        f"selections are nested more than {MOST_NESTED} levels, fragments counted, which is the limit; "
        "ask for what is further down by its id"
    )
