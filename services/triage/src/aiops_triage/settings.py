"""Settings of triage: ``TRIAGE_*`` in the environment, and those of the language model."""

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from aiops_common.llm import Step
from aiops_common.settings import ServiceSettings
from aiops_triage.prompts import OPERATION, AskedFor


class TriageSettings(ServiceSettings):
    """See ``ServiceSettings``; the language model is set by ``OPENAI_*`` and ``LLM_*``."""

    model_config = SettingsConfigDict(env_prefix="TRIAGE_")

    similar_days: int = Field(default=180, ge=1, le=3650)
    """Days for which a ticket is found as similar to a new one."""

    model_poll_seconds: float = Field(default=5.0, ge=0.1, le=600)
    """How often to look which trained model is active, in seconds; usually a notification tells at once."""

    llm_for: AskedFor = AskedFor.UNSURE
    """Which tickets a language model is asked about, where there is one: ``unsure`` (those that need review or are
    severe), ``all`` or ``none``."""

    chain: tuple[Step, ...] = OPERATION.default
    """The steps in which the model is asked, as a JSON list of ``{"step", "template"}`` and, where they differ from
    ``LLM_*``, ``"model"``, ``"max_input_tokens"`` and ``"max_output_tokens"``; steps: ``triage``."""

    @field_validator("chain")
    @classmethod
    def _can_be_asked(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        OPERATION.chain(steps)
        return steps
