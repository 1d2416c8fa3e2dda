"""Chains: the steps in which a model is asked for one operation, each with its template version, model and budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from aiops_common.llm.budget import LEAST_INPUT_TOKENS
from aiops_common.llm.port import Prompt
from aiops_common.llm.templates import InvalidTemplate, Kind, PromptTemplate, Value, load, versions

DEFAULT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Work:
    """What is worked on: the operation's name, the entity's id, and for how many seconds all questions may take."""

    operation: str
    subject: UUID
    seconds: float = DEFAULT_SECONDS


class Step(BaseModel):
    """One step as settings name it. What is left out is ``LLM_MODEL``, ``LLM_MAX_INPUT_TOKENS`` and
    ``LLM_MAX_OUTPUT_TOKENS``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    template: str
    model: str | None = Field(default=None, min_length=1, max_length=200)
    max_input_tokens: int | None = Field(default=None, ge=LEAST_INPUT_TOKENS)
    max_output_tokens: int | None = Field(default=None, ge=16)


@dataclass(frozen=True, slots=True)
class StepKind:
    """What an operation does in a step: the schema of its answer, the variables that it fills in, and whether the
    operation cannot do without."""

    answer: type[BaseModel]
    variables: Mapping[str, Kind]
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A step that can be asked."""

    step: str
    template: PromptTemplate
    model: str | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None

    def prompt(self, values: Mapping[str, Value]) -> Prompt:
        """The step's question with those of ``values`` that its template wants; raises ``InvalidTemplate``."""
        wanted = {name: value for name, value in values.items() if name in self.template.variables}
        return replace(
            self.template.render(wanted),
            model=self.model,
            max_input_tokens=self.max_input_tokens,
            max_output_tokens=self.max_output_tokens,
        )


class InvalidChain(ValueError):
    """A chain cannot be asked; the message says what is wrong and what there is."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The steps of ``operation``, and for how many seconds all questions of one piece of work may take.

    Which template version a piece of work gets is decided in ``link`` alone; ``guarded`` may have put another there.
    """

    operation: str
    links: Mapping[str, Link]
    seconds: float = DEFAULT_SECONDS

    def link(self, step: str) -> Link | None:
        """The step of this name; None where the settings leave it out."""
        return self.links.get(step)

    def work(self, subject: UUID) -> Work:
        """The work that this chain is asked for, on the entity with this id."""
        return Work(self.operation, subject, self.seconds)

    def required(self, step: str) -> Link:
        """The step of this name, without which there is no such chain."""
        return self.links[step]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that a model is asked for: its steps in their order, and the package in which the templates lie."""

    name: str
    package: str
    steps: Mapping[str, StepKind]
    default: tuple[Step, ...]

    def chain(self, steps: Sequence[Step] | None = None, *, seconds: float = DEFAULT_SECONDS) -> Chain:
        """The chain of ``steps``, None for the default.

        Raises ``InvalidChain``: a step or template that does not exist, or a template that is for another step.
        """
        chosen = self.default if steps is None else steps
        names = [step.step for step in chosen]
        told = f"the steps of {self.name} are {', '.join(self.steps)}"
        for name in names:
            if name not in self.steps:
                raise InvalidChain(f"there is no step {name!r}; {told}")
            if names.count(name) > 1:
                raise InvalidChain(f"the step {name!r} is there more than once; {told}, each at most once")
        if not names:
            raise InvalidChain(f"it has no step; {told}")
        if missing := [name for name, kind in self.steps.items() if kind.is_required and name not in names]:
            raise InvalidChain(f"the step {missing[0]!r} is missing; {told}")
        return Chain(self.name, {step.step: self._link(step) for step in chosen}, seconds)

    def relink(self, link: Link, template: str) -> Link:
        """``link`` with another version of its template; raises ``InvalidChain`` as ``chain`` does."""
        return replace(link, template=self._template(link.step, template))

    def _link(self, step: Step) -> Link:
        template = self._template(step.step, step.template)
        return Link(step.step, template, step.model, step.max_input_tokens, step.max_output_tokens)

    def _template(self, step: str, version: str) -> PromptTemplate:
        try:
            template = load(self.package, version)
        except InvalidTemplate as error:
            raise InvalidChain(f"step {step!r}: {error}") from None
        kind = self.steps[step]
        if template.answer != kind.answer.__name__ or not template.variables.items() <= kind.variables.items():
            fitting = ", ".join(version for version in versions(self.package) if self._fits(version, kind))
            raise InvalidChain(f"step {step!r}: the template {version} is for another step; choose one of {fitting}")
        return template

    def _fits(self, version: str, kind: StepKind) -> bool:
        template = load(self.package, version)
        return template.answer == kind.answer.__name__ and template.variables.items() <= kind.variables.items()
