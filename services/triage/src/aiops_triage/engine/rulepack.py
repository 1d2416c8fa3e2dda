"""The rule pack: declarative files beside this module, read once, on first use."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aiops_triage.domain import Label, Level, TicketCategory
from aiops_triage.engine.negation import Negation
from aiops_triage.engine.phrases import InvalidPhrase, PhraseNode, phrase_tree, spellings

PACK_FILES: Final = ("software.toml", "workplace.toml", "signals.toml")


class InvalidRulePack(ValueError):
    """A file of the rule pack breaks the format; the message names the file and the place."""


class Rule(BaseModel):
    """Phrases and what finding one of them says about a ticket.

    ``weight`` counts for ``category``. A denied phrase says nothing, except where ``topic`` is set: who writes
    "did not get the invoice" still writes about an invoice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    phrases: Annotated[tuple[str, ...], Field(min_length=1)]
    category: TicketCategory | None = None
    weight: Annotated[float, Field(gt=0, le=15)] | None = None
    topic: bool = False
    impact: Level | None = None
    urgency: Level | None = None
    label: Label | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (self.category is None) != (self.weight is None):
            raise ValueError("category and weight belong together")
        if not (self.category or self.impact or self.urgency or self.label):
            raise ValueError("a rule names at least one of category, impact, urgency, label")
        return self


class Baseline(BaseModel):
    """Impact and urgency of a category's tickets that say nothing about either."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    impact: Level
    urgency: Level


class NegationWords(BaseModel):
    """The words of engine.negation.Negation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    negators: frozenset[str]
    transparent: frozenset[str]
    answers: frozenset[str]


class PackFile(BaseModel):
    """One file of the pack; each part may stand in any of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()
    baseline: dict[TicketCategory, Baseline] = Field(default_factory=dict)
    negation: NegationWords | None = None


@dataclass(frozen=True, slots=True)
class RulePack:
    """``entries[i]`` is the rule of the phrase ``phrases[i]``; ``tree`` finds the phrases' entries in a text."""

    entries: tuple[Rule, ...]
    phrases: tuple[str, ...]
    tree: PhraseNode
    baseline: dict[TicketCategory, Baseline]
    negation: Negation


@cache
def load() -> RulePack:
    """The pack that ships with the engine; InvalidRulePack if one of its files is broken."""
    folder = files("aiops_triage.engine").joinpath("rules")
    return compile_pack({name: folder.joinpath(name).read_text("utf-8") for name in PACK_FILES})


def compile_pack(sources: dict[str, str]) -> RulePack:
    """The pack written in ``sources`` (file name → TOML); InvalidRulePack names the file that is broken."""
    parsed = [_parse(name, text) for name, text in sources.items()]
    phrases = [(phrase, rule) for part in parsed for rule in part.rules for phrase in rule.phrases]
    try:
        tree = phrase_tree([(phrase, entry) for entry, (phrase, _) in enumerate(phrases)])
    except InvalidPhrase as error:
        raise InvalidRulePack(str(error)) from error
    _refuse_repeated(phrases)
    baseline = {category: level for part in parsed for category, level in part.baseline.items()}
    missing = [category for category in TicketCategory if category not in baseline]
    if missing:
        raise InvalidRulePack(f"no baseline for {', '.join(missing)} in {', '.join(sources)}")
    words = [part.negation for part in parsed if part.negation]
    if len(words) != 1:
        raise InvalidRulePack(f"expected one [negation] in {', '.join(sources)}, found {len(words)}")
    negation = Negation(words[0].negators, words[0].transparent, words[0].answers)
    rules, texts = tuple(rule for _, rule in phrases), tuple(phrase for phrase, _ in phrases)
    return RulePack(rules, texts, tree, baseline, negation)


def _refuse_repeated(phrases: Sequence[tuple[str, Rule]]) -> None:
    """Raise InvalidRulePack where two phrases have a spelling and a statement in common: it would count twice."""
    seen: dict[tuple[str, tuple[str, ...]], str] = {}
    for phrase, rule in phrases:
        said = {"category": rule.category, "impact": rule.impact, "urgency": rule.urgency, "label": rule.label}
        told = [f"{what} {value}" for what, value in said.items() if value]
        for statement, tokens in product(told, spellings(phrase)):
            if (statement, tokens) in seen:
                both = f"{seen[statement, tokens]!r} and {phrase!r}"
                raise InvalidRulePack(f"{' '.join(tokens)!r} counts twice for {statement}, by {both}: drop one of them")
            seen[statement, tokens] = phrase


def _parse(name: str, text: str) -> PackFile:
    try:
        return PackFile.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise InvalidRulePack(f"{name}: {error}") from error
