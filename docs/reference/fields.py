"""Fields of messages: type, limits and meaning, from the JSON Schema of their pydantic models."""

from collections.abc import Iterator
from typing import Any

from aiops_contracts.base import Model
from aiops_contracts.summarizer import MAX_LOG_BYTES

Schema = dict[str, Any]

HEADS = ("field", "type", "required", "limits")
_FORMATS = {"date-time": "timestamp", "uuid": "UUID", "password": "secret text"}
_TYPES = {"string": "text", "number": "number", "integer": "integer", "boolean": "boolean", "object": "object"}
# What a validator checks that JSON Schema cannot say.
_BEYOND_SCHEMA = {("SummarizeLog", "content"): f"at most {MAX_LOG_BYTES:,} bytes of UTF-8"}


def schema_of(model: type[Model]) -> Schema:
    """JSON Schema of what is accepted."""
    return model.model_json_schema(mode="validation")


def rows(schema: Schema) -> Iterator[tuple[str, str, str, str]]:
    """One row for each field of an object's schema: name, type, required, limits."""
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        limits = [*_limits(field), _BEYOND_SCHEMA.get((schema.get("title", ""), name), "")]
        if "default" in field and field["default"] not in (None, [], ""):
            limits.append(f"default {field['default']}".replace("True", "true").replace("False", "false"))
        shown = "; ".join(limit for limit in limits if limit)
        yield f"`{name}`", _type(field), "yes" if name in required else "", shown


def nested(schema: Schema) -> dict[str, Schema]:
    """Objects and enumerations that the schema refers to, by name."""
    definitions: dict[str, Schema] = schema.get("$defs", {})
    return definitions


def _alternatives(field: Schema) -> list[Schema]:
    return [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]


def _type(field: Schema) -> str:
    shown = " or ".join(_one_type(one) for one in _alternatives(field))
    return f"{shown} or null" if any(one.get("type") == "null" for one in field.get("anyOf", [])) else shown


def _one_type(field: Schema) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    return _FORMATS.get(field.get("format", ""), _TYPES.get(field.get("type", ""), "any"))


def _limits(field: Schema) -> list[str]:
    return [limit for one in _alternatives(field) for limit in _limits_of_one(one)]


def _limits_of_one(field: Schema) -> Iterator[str]:
    for low, high, unit in (("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items")):
        yield _span(field.get(low), field.get(high), unit)
    yield _span(field.get("minimum"), field.get("maximum"), "")
    if "pattern" in field:
        yield f"matches `{field['pattern']}`"
    if field.get("type") == "array":
        yield from (f"each {limit}" for limit in _limits(field["items"]) if limit)


def _span(low: float | None, high: float | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low:,} to {high:,}{unit}"
    if high is not None:
        return f"at most {high:,}{unit}"
    return f"at least {low:,}{unit}" if low is not None else ""
