"""Settings of the summarizer: ``SUMMARIZER_*`` in the environment, and those of the language model."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from aiops_common.settings import ServiceSettings


class SummarizerSettings(ServiceSettings):
    """See ``ServiceSettings``; the language model is set by ``OPENAI_*`` and ``LLM_*``."""

    model_config = SettingsConfigDict(env_prefix="SUMMARIZER_", hide_input_in_errors=True)

    prefetch: int = Field(default=8, ge=1, le=1000)
    """Logs that are worked on at the same time; each may hold 1 MiB of text."""
