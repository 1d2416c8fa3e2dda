"""Settings of the changelog service: ``CHANGELOG_*`` in the environment, and those of the language model."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from aiops_common.settings import ServiceSettings


class ChangelogSettings(ServiceSettings):
    """See ``ServiceSettings``; the language model is set by ``OPENAI_*`` and ``LLM_*``."""

    model_config = SettingsConfigDict(env_prefix="CHANGELOG_", hide_input_in_errors=True)

    prefetch: int = Field(default=8, ge=1, le=1000)
    """Changelogs that are worked on at the same time; each may hold 10,000 commits."""
