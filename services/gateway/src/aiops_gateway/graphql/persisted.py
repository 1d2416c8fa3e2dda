"""Operations that clients name instead of sending them: by the SHA-256 of their text, or by a name of their own.

Sources: https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
(``documentId``, with ``sha256:`` before a hash), and Apollo's ``extensions.persistedQuery.sha256Hash``.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

_MARK: Final = "persisted:"
"""Begins the text that stands for an operation's id on its way to the parser; no document begins so."""

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_ID: Final = 200


class InvalidOperations(Exception):
    """The file of persisted operations cannot be used; the message says why and what to do."""


def load(path: Path) -> dict[str, str]:
    """The documents of a file that ``persist`` wrote: id → document.

    Raises:
        InvalidOperations: it cannot be read, is not a JSON object of texts, or a hash is not that of its document.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidOperations(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidOperations(f"{path} is not JSON in UTF-8: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise InvalidOperations(f"{path} must be a JSON object: the id of each operation, and its document as text")
    operations: dict[str, str] = {}
    for given, text in content.items():
        name = _id(given)
        if not name or len(name) > _LONGEST_ID:
            raise InvalidOperations(f"{path}: an id has 1 to {_LONGEST_ID} characters, not {len(name)}")
        if _HASH.fullmatch(name) and name != digest(text):
            raise InvalidOperations(f"{path}: {name} is not the SHA-256 of its document; write the file again")
        operations[name] = text
    return operations


def check(operations: Mapping[str, str], schema: GraphQLSchema) -> None:
    """Validate each document against ``schema``.

    Raises:
        InvalidOperations: one of them is not valid; the message says which and why.
    """
    for name, text in operations.items():
        try:
            document = parse(text)
        except GraphQLError as error:
            raise InvalidOperations(f"persisted operation {name} is not GraphQL: {error.message}") from None
        if not any(isinstance(node, OperationDefinitionNode) for node in document.definitions):
            raise InvalidOperations(f"persisted operation {name} has no operation, only fragments")
        if errors := validate(schema, document):
            raise InvalidOperations(f"persisted operation {name} does not fit the schema: {errors[0].message}")


def collect(texts: Iterable[str]) -> dict[str, str]:
    """The documents under the SHA-256 of their text, in hexadecimal, ordered by it."""
    return dict(sorted((digest(text), text) for text in texts))


def digest(text: str) -> str:
    """SHA-256 of a document, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def with_operation(request: Any) -> Any:
    """``request`` with a text in ``query`` that stands for the operation it names; as it is where it names none.

    A request that brings a document too is taken at its word: clients send both to have the document remembered.
    """
    if not isinstance(request, dict) or request.get("query"):
        return request
    name = _named(request)
    return request if name is None else {**request, "query": f"{_MARK}{_id(name)[: _LONGEST_ID + 1]}"}


def in_message(message: Any) -> Any:
    """The same for a message of the WebSocket protocol."""
    if isinstance(message, dict) and message.get("type") == "subscribe" and "payload" in message:
        return {**message, "payload": with_operation(message["payload"])}
    return message


def marked(text: str) -> str | None:
    """The id that ``text`` stands for; None where it is a document."""
    return text.removeprefix(_MARK) if text.startswith(_MARK) else None


def _named(request: Mapping[str, Any]) -> str | None:
    for name in ("documentId", "id"):
        if isinstance(given := request.get(name), str) and given:
            return given
    extensions = request.get("extensions")
    persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    given = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    return given if isinstance(given, str) and given else None


def _id(given: str) -> str:
    bare = given.removeprefix("sha256:")
    return bare.lower() if _HASH.fullmatch(bare.lower()) else given
