"""Prompt templates: versioned files with typed variables, checked when they are loaded and immutable once used.

``<package>/<name>/v<number>.md`` is the template ``<name>/v<number>``:

    +++
    answer = "Colours"            # the schema that the answer has to fit
    tag = "note"                  # how the tag around foreign text begins

    [variables]
    allowed = "words"             # ours: names of a closed set, or a phrase
    count = "number"
    source = "line"               # foreign, one line: it becomes a JSON string without angle brackets
    material = "text"             # foreign, as it is; only between <$tag> and </$tag>
    +++
    The instructions, the same for whatever is asked: no foreign text.
    ---user---
    From $source, $count lines.

    <$tag>
    $material
    </$tag>

``$tag`` is a name that occurs in no text, so that nothing foreign can close it.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from string import Template
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aiops_common.llm.port import Prompt

_FENCE: Final = "+++\n"
_SEPARATOR: Final = "\n---user---\n"
_FILE: Final = re.compile(r"v[1-9][0-9]*\.md")
_TAG: Final = "tag"
_BLOCK: Final = re.compile(r"^<\$tag>\n(.*?)\n</\$tag>$", re.DOTALL | re.MULTILINE)


class Kind(StrEnum):
    """What a variable holds; see the module."""

    WORDS = "words"
    NUMBER = "number"
    LINE = "line"
    TEXT = "text"


Value = str | int


class InvalidTemplate(Exception):
    """A template breaks a rule, or there is none of that name; the message says which and what there is."""


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str = Field(pattern=r"^[A-Z]\w*$")
    tag: str = Field(pattern=r"^[a-z]+$")
    variables: dict[str, Kind]


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """One version of a template. ``answer`` names the schema of the answer, ``tag`` begins the tag's name."""

    name: str
    version: str
    answer: str
    tag: str
    variables: Mapping[str, Kind]
    system: str
    user: str

    def render(self, values: Mapping[str, Value]) -> Prompt:
        """The prompt with these values, which are put in as they are: what looks like a variable in them is none.

        Raises ``InvalidTemplate`` where a variable is missing, unknown, or not of its type.
        """
        if values.keys() != self.variables.keys():
            wrong = ", ".join(sorted(values.keys() ^ self.variables.keys()))
            raise InvalidTemplate(f"{self.version}: missing or unknown variables: {wrong}")
        filled = {name: self._filled(name, value) for name, value in values.items()}
        texts = "\n".join(filled[name] for name, kind in self.variables.items() if kind is Kind.TEXT)
        filled[_TAG] = unused_tag(self.tag, texts)
        return Prompt(
            name=self.name,
            version=self.version,
            system=Template(self.system).substitute(filled),
            user=Template(self.user).substitute(filled),
        )

    def _filled(self, name: str, value: Value) -> str:
        kind = self.variables[name]
        if isinstance(value, bool) or isinstance(value, int) is not (kind is Kind.NUMBER):
            raise InvalidTemplate(f"{self.version}: {name} must be {kind.value}, not {type(value).__name__}")
        if kind is Kind.WORDS and not str(value).isprintable():
            raise InvalidTemplate(f"{self.version}: {name} must be words on one line")
        if kind is Kind.LINE:
            return json.dumps(str(value)).replace("<", "\\u003c").replace(">", "\\u003e")
        return str(value)


def parse(version: str, text: str) -> PromptTemplate:
    """The template in ``text``, called ``version`` (``name/v1``).

    Raises ``InvalidTemplate`` for anything that breaks the rules of the module.
    """
    beginning, _, rest = text.partition(_FENCE)
    head, fence, body = rest.partition(f"\n{_FENCE}")
    system, separator, user = body.partition(_SEPARATOR)
    if beginning or not fence or not separator:
        raise InvalidTemplate(f"{version}: must be a header between lines of +++, instructions, ---user---, the rest")
    try:
        header = _Header.model_validate(tomllib.loads(head))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InvalidTemplate(f"{version}: its header is wrong: {error}") from None
    name = version.partition("/")[0]
    found = PromptTemplate(name, version, header.answer, header.tag, header.variables, system.strip(), user.strip())
    _check(found)
    return found


def _check(template: PromptTemplate) -> None:
    system, user = Template(template.system), Template(template.user)
    if not (system.is_valid() and user.is_valid()):
        raise InvalidTemplate(f"{template.version}: a dollar sign is written $$")
    in_system, in_user = set(system.get_identifiers()), set(user.get_identifiers())
    if wrong := (in_system | in_user) - {_TAG} ^ template.variables.keys():
        raise InvalidTemplate(f"{template.version}: declared and used variables differ: {', '.join(sorted(wrong))}")
    foreign = {name for name, kind in template.variables.items() if kind in (Kind.LINE, Kind.TEXT)}
    if wrong := in_system & (foreign | {_TAG}):
        raise InvalidTemplate(f"{template.version}: foreign text in the instructions: {', '.join(sorted(wrong))}")
    blocks = _BLOCK.findall(template.user)
    if len(blocks) != 1:
        raise InvalidTemplate(f"{template.version}: one block between lines of <$tag> and </$tag>, not {len(blocks)}")
    texts = {name for name, kind in template.variables.items() if kind is Kind.TEXT}
    outside = set(Template(_BLOCK.sub("", template.user)).get_identifiers())
    if wrong := texts & outside:
        raise InvalidTemplate(f"{template.version}: foreign text outside of the tag: {', '.join(sorted(wrong))}")


@cache
def load(package: str, version: str) -> PromptTemplate:
    """The template ``version`` of ``package``; raises ``InvalidTemplate``, naming those that there are."""
    known = versions(package)
    if version not in known:
        raise InvalidTemplate(f"there is no template {version}; there are {', '.join(known) or 'none'}")
    return parse(version, _read(package, version))


def versions(package: str) -> list[str]:
    """The templates of ``package`` that can be asked with, sorted. Files without a header are older than headers: they
    stay because results name them."""
    root = resources.files(package)
    found = [
        f"{folder.name}/{file.name.removesuffix('.md')}"
        for folder in root.iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
        if _FILE.fullmatch(file.name)
    ]
    return sorted(version for version in found if _read(package, version).startswith(_FENCE))


def _read(package: str, version: str) -> str:
    name, _, file = version.partition("/")
    return resources.files(package).joinpath(name, f"{file}.md").read_text(encoding="utf-8")


def unused_tag(prefix: str, text: str) -> str:
    """A name that ``text`` does not contain; the same for the same text, so that answers can be recorded by prompt."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    while (tag := f"{prefix}-{digest[:16]}") in text:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return tag
