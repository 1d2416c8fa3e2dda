"""What an operation is called where operators see it: its type and its root field, which are words of the schema.

The name that a client gives to an operation, and aliases, are free text and unbounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from aiops_common.metrics import OTHER

SEVERAL: Final = "several"
"""Stands for more than one root field."""
INTROSPECTION: Final = "__schema"
"""Stands for whatever asks about the schema only."""


@dataclass(frozen=True, slots=True)
class Root:
    """``query``, ``mutation``, ``subscription`` or ``other``; and a root field of the schema, or what stands for it."""

    type: str
    field: str


INVALID: Final = Root(OTHER, "invalid")
"""What was never found to be an operation of the schema."""


def root_of(document: DocumentNode, operation: OperationDefinitionNode) -> Root:
    """The root of an operation of a valid document."""
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    names = set(_fields(operation.selection_set, fragments))
    fields = {name for name in names if not name.startswith("__")}
    if not fields:
        return Root(operation.operation.value, INTROSPECTION)
    return Root(operation.operation.value, fields.pop() if len(fields) == 1 else SEVERAL)


def _fields(selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> Iterator[str]:
    """Names of the fields that are selected, through fragments, each of which is gone through once."""
    to_do, seen = [selections], set[str]()
    while to_do:
        for node in to_do.pop().selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, InlineFragmentNode):
                to_do.append(node.selection_set)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                to_do.append(fragments[node.name.value].selection_set)
