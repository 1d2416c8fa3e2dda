"""Settings of triage: ``TRIAGE_*`` in the environment, and those of the language model."""

from pydantic_settings import SettingsConfigDict

from aiops_common.settings import ServiceSettings


class TriageSettings(ServiceSettings):
    """See ``ServiceSettings``; the language model is set by ``OPENAI_*`` and ``LLM_*``."""

    model_config = SettingsConfigDict(env_prefix="TRIAGE_")
