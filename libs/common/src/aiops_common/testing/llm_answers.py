"""An answer that fits a JSON schema and says nothing that is not in the prompt.

Material is what stands on the lines between ``<tag>`` and ``</tag>``, or else the whole prompt. Where its lines are
JSON objects they are the records. Rules, so that a prompt can be written for them:

- a string with ``enum`` or ``const``: the value that follows the property's name in the prompt ("category NETWORK"),
  else the first value that occurs in the prompt, else the first of the list;
- a string with ``pattern``: the first word of the prompt that matches it;
- a citation, that is a list of free strings where the records have ids, or a property called id, ids, cites, sources
  and the like: the id of the first record, else the first word of the prompt in square brackets ("[F1]");
- a string called like a field of the records: what the first record has there;
- any other string: the longest words without a digit on a line of the material, or its last word;
- a number: the greatest allowed up to 0.9, or the first whole number of the material within the bounds;
- null wherever it is allowed, false, and lists of one item or of as few as allowed; in the second item of a list, the
  second record, matching word or bracket, and so on.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from aiops_common.testing.llm_script import Broken, Ok, Script, Step

_MATERIAL = re.compile(r"^<([A-Za-z][\w.-]*)[^>\n]*>\n(.*?)\n</\1>", re.DOTALL | re.MULTILINE)
_PHRASE = re.compile(r"(?<!\w)[^\W\d_](?:[^\W\d_]|[ ,'/-](?=[^\W\d_])){2,119}(?![\w:])")
_CITING = re.compile(r"(?:^|_)(?:ids?|cites?|cited|citations?|sources?|refs?|references?|evidence)$", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([A-Za-z0-9][\w.:-]{0,63})\]")

Schema = dict[str, Any]


def answer_to(schema: Schema, prompt: str) -> Any:
    """A value that fits ``schema`` (JSON Schema as pydantic and OpenAI's strict mode write it)."""
    return _Answering(schema, prompt).value(schema, "")


def spoken(step: Step, script: Script, schema_name: str, schema: dict[str, Any], question: str) -> str:
    """The content of the answer at ``step``: valid JSON for ``schema``, or broken as the step says."""
    answer = step.answer if isinstance(step, Ok) and step.answer is not None else script.answers.get(schema_name)
    if answer is None:
        answer = answer_to(schema, question)
    if not isinstance(step, Broken):
        return json.dumps(answer)
    if step.kind == "wrong_schema":
        return json.dumps({"verdict": "fine", "items": [1, 2, 3]})
    if step.kind == "invented":
        return json.dumps({**answer, "tool_calls": [{"name": "delete_everything"}], "role": "admin"})
    text = json.dumps(answer)
    return text[: len(text) // 2] if step.kind in ("truncated", "length") else text


class _Answering:
    def __init__(self, schema: Schema, prompt: str) -> None:
        self._definitions = schema.get("$defs", {})
        self._prompt = prompt
        blocks = list(_MATERIAL.finditer(prompt))
        self._material = "\n".join(block[2] for block in blocks) or prompt
        self._records = list(_records(self._material))

    def value(self, schema: Schema, name: str, index: int = 0) -> Any:
        schema = self._resolved(schema)
        values = [schema["const"]] if "const" in schema else schema.get("enum")
        kind = schema.get("type", "object")
        if isinstance(kind, list):
            kind = "null" if "null" in kind else kind[0]
        answer: Any = None
        if values:
            answer = self._choice(values, name, index)
        elif kind == "object":
            answer = {key: self.value(part, key, index) for key, part in schema.get("properties", {}).items()}
        elif kind == "array":
            answer = self._items(schema, name, index)
        elif kind == "string":
            answer = self._text(schema, name, index)
        elif kind in ("integer", "number"):
            answer = self._number(schema, whole=kind == "integer")
        elif kind == "boolean":
            answer = False
        return answer

    def _resolved(self, schema: Schema) -> Schema:
        if "$ref" in schema:
            return self._resolved(self._definitions[schema["$ref"].rpartition("/")[2]])
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                options = [self._resolved(option) for option in schema[choice]]
                return next((option for option in options if option.get("type") == "null"), options[0])
        if "allOf" in schema:
            return self._resolved(schema["allOf"][0])
        return schema

    def _choice(self, values: list[Any], name: str, index: int) -> Any:
        said = re.search(rf"{re.escape(name)}\W{{1,4}}({_any_of(values)})\b", self._prompt, re.IGNORECASE)
        if said and index == 0:
            return next(value for value in values if str(value).lower() == said[1].lower())
        occurring = self._occurring(values)
        return occurring[index % len(occurring)] if occurring else values[index % len(values)]

    def _occurring(self, values: list[Any]) -> list[Any]:
        where = {value: re.search(rf"\b{re.escape(str(value))}\b", self._prompt) for value in values}
        return sorted(
            (value for value, found in where.items() if found), key=lambda value: self._position(where[value])
        )

    @staticmethod
    def _position(found: re.Match[str] | None) -> int:
        return found.start() if found else 0

    def _items(self, schema: Schema, name: str, index: int) -> list[Any]:
        item = self._resolved(schema.get("items", {}))
        least, most = schema.get("minItems", 0), schema.get("maxItems", 1)
        if "enum" in item:
            found = self._occurring(item["enum"])[: max(least, 1)]
            return found if len(found) >= least else item["enum"][:least]
        if item.get("type") == "string" and "pattern" not in item and any("id" in record for record in self._records):
            name = "ids"
        count = max(least, min(1, most))
        return [self.value(item, name, index + number) for number in range(count)]

    def _text(self, schema: Schema, name: str, index: int) -> str:
        most = schema.get("maxLength", 400)
        if "pattern" in schema or _CITING.search(name):
            words = list(dict.fromkeys(self._citable(schema)))
            return words[index % len(words)][:most] if words else ""
        told = [record[name] for record in self._records if isinstance(record.get(name), str)]
        if told:
            return _cut(told[index % len(told)], most)
        phrases = [_cut(match[0], most) for match in _PHRASE.finditer(self._material)]
        long_enough = [phrase for phrase in phrases if len(phrase) >= schema.get("minLength", 1)]
        return max(long_enough[:20], key=len, default="") or _last_word(self._material)[:most]

    def _citable(self, schema: Schema) -> Iterator[str]:
        if "pattern" not in schema:
            yield from (str(record["id"]) for record in self._records if "id" in record)
            yield from _BRACKETED.findall(self._prompt)
            return
        pattern = re.compile(schema["pattern"])
        for word in re.findall(r"[^\s\[\](){}<>,;\"'`=]+", self._prompt):
            bare = word.rstrip(".:")
            if bare and pattern.search(bare):
                yield bare

    def _number(self, schema: Schema, *, whole: bool) -> float | int:
        low, high = schema.get("minimum", 0), schema.get("maximum", float("inf"))
        if whole:
            numbers = (int(digits) for digits in re.findall(r"(?<![\w.-])[0-9]{1,9}(?![\w.])", self._material))
            return next((number for number in numbers if low <= number <= high), int(low))
        return float(min(max(low, 0.9), high))


def _any_of(values: list[Any]) -> str:
    return "|".join(re.escape(str(value)) for value in values)


def _records(material: str) -> Iterator[dict[str, Any]]:
    for line in material.splitlines():
        if line.startswith("{"):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            yield record


def _last_word(text: str) -> str:
    return next(iter(re.findall(r"[^\W_]+", text)[::-1]), "none")


def _cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters, without half a word at its end."""
    return text if len(text) <= most else text[:most].rpartition(" ")[0] or text[:most]
