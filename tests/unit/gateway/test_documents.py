"""What we and our users send stays valid: every document of the demo, the tests, the load and the README."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from graphql import GraphQLError, build_schema, parse, validate

from aiops_gateway.graphql.schema import sdl
from aiops_local.demo import operations
from e2e import documents
from soak import documents as load

ROOT = Path(__file__).parents[3]
PUBLISHED = build_schema(sdl())
USED = ("login", "signup", "me", "summarizeLog", "triageTicket", "generateChangelog", "updateTicketStatus")
"""Operations that must be among the documents, or this test has lost sight of them."""


def _texts(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Names and texts of the operations that a module holds, also inside of dictionaries."""
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        for key, text in value.items() if isinstance(value, dict) else [("", value)]:
            if isinstance(text, str) and re.match(r"\s*(query|mutation|subscription|\{)", text):
                yield f"{module.__name__}.{name}{key and f'[{key}]'}", text


def _of_the_readme() -> Iterator[tuple[str, str]]:
    """The documents in the README's calls of curl: JSON strings, in which the shell puts values of its own."""
    found = re.findall(r'"query": ("(?:[^"\\]|\\.)*")', (ROOT / "README.md").read_text(encoding="utf-8"))
    for number, text in enumerate(found, start=1):
        yield f"README.md, {number}", json.loads(text)


DOCUMENTS = dict([*_texts(operations), *_texts(documents), *_texts(load), *_of_the_readme()])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_fits_the_schema(name: str) -> None:
    assert validate(PUBLISHED, parse(DOCUMENTS[name])) == []


def test_the_documents_are_found() -> None:
    texts = "\n".join(DOCUMENTS.values())
    assert [name for name in USED if not re.search(rf"\b{name}\b", texts)] == []
    assert {name.partition(",")[0].partition("[")[0].rpartition(".")[0] for name in DOCUMENTS} >= {
        "aiops_local.demo.operations",
        "e2e.documents",
        "soak.documents",
        "README",
    }


def test_a_document_that_does_not_fit_is_noticed() -> None:
    errors = validate(PUBLISHED, parse("{ tickets { nodes { nothing } } }"))
    assert [type(error) for error in errors] == [GraphQLError]
