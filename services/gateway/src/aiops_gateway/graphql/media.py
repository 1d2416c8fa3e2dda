"""Media types of GraphQL over HTTP: what a request may be written in, and what its answer is.

Source: https://graphql.github.io/graphql-over-http/draft/
"""

from typing import Final

JSON: Final = "application/json"
GRAPHQL_RESPONSE: Final = "application/graphql-response+json"
HTML: Final = "text/html"


def of_answer(accept: str) -> str:
    """The media type to answer with: JSON, unless the client likes the newer type better.

    ``accept`` is the header ``Accept``, empty where there is none. Wildcards mean JSON, as clients expect that came
    before the newer type. A client that takes neither gets JSON: it is the one that can be read without being known.
    """
    return GRAPHQL_RESPONSE if _quality(accept, GRAPHQL_RESPONSE) > _quality(accept, JSON) else JSON


def accepts(accept: str, media_type: str) -> bool:
    """Whether ``accept`` names the media type itself; a wildcard does not count."""
    return _quality(accept, media_type) > 0


def is_json(content_type: str) -> bool:
    """Whether a request body is JSON in UTF-8, by its header ``Content-Type``.

    It must be the very type: what a page of another origin may send without asking first, such as ``text/plain`` or
    a list that begins with it, is none of ours.
    """
    essence, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [value.strip('"') for name, _, value in (one.partition("=") for one in parameters) if name == "charset"]
    return essence == JSON and all(charset in ("utf-8", "utf8") for charset in charsets)


def _quality(accept: str, media_type: str) -> float:
    """The weight that ``accept`` gives to the media type; the first one named wins between equals."""
    for position, one in enumerate(accept.split(",")):
        name, *parameters = (part.strip().lower() for part in one.split(";"))
        if name == media_type:
            # Earlier is better, by less than the third decimal that a weight may have.
            return _weight(parameters) - position * 1e-6
    return 0.0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
