"""Settings of the summarizer: ``SUMMARIZER_*`` in the environment, and those of the language model."""

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from aiops_common.llm import Step
from aiops_common.sealing import KeyringSetting
from aiops_common.settings import ServiceSettings
from aiops_summarizer.prompts import OPERATION


class SummarizerSettings(ServiceSettings):
    """See ``ServiceSettings``; the language model is set by ``OPENAI_*`` and ``LLM_*``."""

    model_config = SettingsConfigDict(env_prefix="SUMMARIZER_", hide_input_in_errors=True)

    content_keys: KeyringSetting
    """Keys under which logs as they came in are sealed, as a JSON list of ``"id:key"``, each key 32 random bytes in
    base64 (``openssl rand -base64 32``); the first seals, all open. The gateway has the same."""

    raw_retention_days: int = Field(default=30, ge=1, le=3650)
    """Days for which a log is kept, sealed, as it came in; its redacted text stays."""

    prefetch: int = Field(default=8, ge=1, le=1000)
    """Logs that are worked on at the same time; each may hold 1 MiB of text."""

    chain: tuple[Step, ...] = OPERATION.default
    """The steps in which the model is asked, as a JSON list of ``{"step", "template"}`` and, where they differ from
    ``LLM_*``, ``"model"``, ``"max_input_tokens"`` and ``"max_output_tokens"``; steps: ``window`` (a part of what was
    found in a long log) and ``summary``."""

    @field_validator("chain")
    @classmethod
    def _can_be_asked(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        OPERATION.chain(steps)
        return steps
