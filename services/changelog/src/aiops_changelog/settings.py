"""Settings of the changelog service: ``CHANGELOG_*`` in the environment, and those of the language model."""

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from aiops_changelog.prompts import OPERATION
from aiops_common.llm import Step
from aiops_common.settings import ServiceSettings


class ChangelogSettings(ServiceSettings):
    """See ``ServiceSettings``; the language model is set by ``OPENAI_*`` and ``LLM_*``."""

    model_config = SettingsConfigDict(env_prefix="CHANGELOG_", hide_input_in_errors=True)

    prefetch: int = Field(default=8, ge=1, le=1000)
    """Changelogs that are worked on at the same time; each may hold 10,000 commits."""

    chain: tuple[Step, ...] = OPERATION.default
    """The steps in which the model is asked, as a JSON list of ``{"step", "template"}`` and, where they differ from
    ``LLM_*``, ``"model"``, ``"max_input_tokens"`` and ``"max_output_tokens"``; steps:
    ``rewrite`` (entries in better words) and ``notes``."""

    @field_validator("chain")
    @classmethod
    def _can_be_asked(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        OPERATION.chain(steps)
        return steps
