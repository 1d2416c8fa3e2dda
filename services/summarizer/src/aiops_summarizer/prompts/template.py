"""The question: findings and patterns of a digest, ranked and within a budget, in a versioned template."""

import hashlib
import json
from functools import cache
from importlib import resources
from string import Template
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from aiops_common.llm import Prompt, fitting
from aiops_summarizer.domain import Digest, LogPattern

NAME: Final = "summary"
VERSION: Final = "v1"
"""Names prompts/summary/v1.md. A template is never edited once it was used: a change is a new file and version."""

MAX_TOKENS: Final = 6000
"""What the material may cost; findings go first, then templates, then examples."""

_MAX_TEXT: Final = 300
_EXAMPLES: Final = 10
_SEPARATOR: Final = "---user---\n"


class Statement(BaseModel):
    """Something that is said, and the ids of the findings that it is based on."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=400)]
    findings: Annotated[list[str], Field(min_length=1, max_length=20)]


class SummaryAnswer(BaseModel):
    """What the model is to answer with."""

    model_config = ConfigDict(extra="forbid")

    headline: Statement
    sentences: Annotated[list[Statement], Field(min_length=1, max_length=8)]


def build_prompt(source: str, digest: Digest) -> Prompt:
    """The prompt for the summary of ``digest``, which holds redacted text only.

    What comes from outside stands inside a tag whose name does not occur in it.
    """
    material, omitted = _material(digest)
    system, user = _template()
    return Prompt(
        name=NAME,
        version=f"{NAME}/{VERSION}",
        system=system.strip(),
        user=user.substitute(
            source=json.dumps(source, ensure_ascii=False),
            severity=digest.severity.value,
            tag=_tag(material),
            omitted=omitted,
            material=material,
        ).strip(),
    )


def _material(digest: Digest) -> tuple[str, str]:
    findings = [_line({"id": finding.id, "kind": finding.kind, "text": finding.text}) for finding in digest.findings]
    patterns = [_line(_pattern(pattern)) for pattern in digest.patterns]
    examples = [_line({"example": pattern.example[:_MAX_TEXT]}) for pattern in digest.patterns[:_EXAMPLES]]
    lines = findings + patterns + examples
    shown = fitting(lines, MAX_TOKENS)
    left_out = max(0, len(findings) + len(patterns) - shown)
    omitted = f" {left_out} patterns of lower rank and all examples were left out." if left_out else ""
    return "\n".join(lines[:shown]), omitted


def _pattern(pattern: LogPattern) -> dict[str, object]:
    return {"template": pattern.template[:_MAX_TEXT], "level": pattern.level.value, "count": pattern.count}


def _line(values: dict[str, object]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _tag(text: str) -> str:
    """A name that ``text`` does not contain; the same for the same text, so that answers can be recorded by prompt."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    while (tag := f"log-{digest[:16]}") in text:
        digest = hashlib.sha256(digest.encode()).hexdigest()
    return tag


@cache
def _template() -> tuple[str, Template]:
    text = resources.files("aiops_summarizer.prompts").joinpath(NAME, f"{VERSION}.md").read_text(encoding="utf-8")
    system, _, user = text.partition(_SEPARATOR)
    return system, Template(user)
