"""Settings of the language model, and the model they describe."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from aiops_common.llm import metrics
from aiops_common.llm.budget import LEAST_INPUT_TOKENS
from aiops_common.llm.deferring import DeferringModel
from aiops_common.llm.port import LanguageModel

_LONGEST_ENGINE_SECONDS = 60.0
_LONGEST_CHAIN_SECONDS = 600.0


class LLMSettings(BaseSettings):
    """Environment variables of the same names in upper case. Without ``OPENAI_BASE_URL`` there is no model."""

    openai_base_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Base URL of an OpenAI-compatible API, e.g. ``http://localhost:11434/v1``."""

    openai_api_key: SecretStr = SecretStr("")
    """Sent as bearer token; servers of one's own often need none."""

    llm_model: str = ""
    """Name of the model at that server."""

    llm_timeout_seconds: float = Field(default=30, gt=0, le=600)
    """For one answer as a whole, including its repair, however slowly the body drips in."""

    llm_max_input_tokens: int = Field(default=12_000, ge=LEAST_INPUT_TOKENS)
    """Longer prompts are not sent; estimated from bytes, corrected by what the server reports. With the default
    templates the instructions take up to about 600 of them, more where a model's tokens are short."""

    llm_max_output_tokens: int = Field(default=2_048, ge=16)
    """Most tokens of an answer."""

    llm_temperature: float | None = Field(default=None, ge=0, le=2)
    """Not sent unless set: some models refuse it."""

    llm_breaker_failures: int = Field(default=5, ge=1)
    """Outages in a row (timeout, no connection, 429, 5xx) that open the breaker."""

    llm_breaker_reset_seconds: float = Field(default=30, gt=0)
    """How long it stays open before one call may probe."""

    llm_max_concurrency: int = Field(default=8, ge=1)
    """Calls at the same time from this process."""

    llm_runs_retention_days: int = Field(default=30, ge=1, le=3650)
    """Days for which it is kept what the model was asked, and what it answered, both redacted."""

    llm_when_open: Literal["builtin", "defer"] = "builtin"
    """What happens to work while the model is away (its breaker is open, it does not answer, all calls are taken):
    ``builtin`` finishes it with the built-in engine and says so, ``defer`` lets it wait without spending an attempt,
    until its deadline. Answers that came before and are of use alone are used instead; else all is asked again when the
    work's turn comes."""

    @property
    def work_seconds(self) -> float:
        """How long all questions of one piece of work may take together: at least as long as one, which waits for its
        slot as long as for its answer."""
        return max(2 * self.llm_timeout_seconds, min(6 * self.llm_timeout_seconds, _LONGEST_CHAIN_SECONDS))

    @property
    def longest_work_seconds(self) -> float:
        """How long one piece of work can take at most, its engine included."""
        return self.work_seconds + _LONGEST_ENGINE_SECONDS

    @model_validator(mode="after")
    def _names_a_model(self) -> Self:
        if self.openai_base_url and not self.llm_model:
            raise ValueError(
                "OPENAI_BASE_URL is set: name the model to ask in LLM_MODEL, or unset it to run without one"
            )
        return self


def build_model(settings: LLMSettings) -> LanguageModel | None:
    """The model that ``settings`` describe, or None where they name no server."""
    metrics.begin_results()
    if not settings.openai_base_url:
        return None
    # The vendor's client costs about a second and tens of megabytes; whoever runs without a model does not pay.
    from aiops_common.llm.openai_client import OpenAIModel  # noqa: PLC0415 -- see above

    model = OpenAIModel(settings)
    return DeferringModel(model) if settings.llm_when_open == "defer" else model
