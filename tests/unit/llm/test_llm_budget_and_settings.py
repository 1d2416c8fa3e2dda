"""Budget in tokens without a tokeniser, and settings that describe no model, one model, or a mistake."""

import pytest
from prometheus_client import REGISTRY
from pydantic import ValidationError

from aiops_common.llm import LLMSettings, build_model, estimated_tokens
from aiops_common.llm.budget import BYTES_PER_TOKEN, TokenRate


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("a" * 35, 10), ("a" * 36, 11), ("é" * 35, 20)])
def test_tokens_are_estimated_from_bytes_and_rounded_up(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


def test_the_rate_moves_towards_what_is_reported_and_stays_in_bounds() -> None:
    rate = TokenRate()
    rate.observe("a" * 100, 0)
    assert rate.bytes_per_token == BYTES_PER_TOKEN
    for _ in range(50):
        rate.observe("a" * 100, 50)
    assert rate.bytes_per_token == pytest.approx(2, abs=0.01)
    for _ in range(50):
        rate.observe("a", 1_000_000)
    assert rate.bytes_per_token == pytest.approx(1, abs=0.01)


def test_without_a_base_url_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for empty in (None, ""):
        if empty is None:
            monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
        else:
            monkeypatch.setenv("OPENAI_BASE_URL", empty)
        assert build_model(LLMSettings()) is None


def test_the_environment_describes_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("LLM_MODEL", "small")
    settings = LLMSettings()
    assert settings.llm_model == "small"
    assert "api_key=SecretStr('**" in repr(settings)
    assert build_model(settings) is not None


def test_what_has_not_happened_yet_is_counted_as_zero_so_that_a_rate_sees_the_first() -> None:
    server, model = "http://127.0.0.1:1/v1", "never-asked"
    build_model(LLMSettings(openai_base_url=server, llm_model=model))
    labels = {"provider": "127.0.0.1", "model": model}
    for outcome in ("answered", "timeout", "circuit open"):
        assert REGISTRY.get_sample_value("aiops_llm_calls_total", {**labels, "outcome": outcome}) == 0
    for engine in ("builtin", "llm"):
        for degraded in ("true", "false"):
            kind = {"engine": engine, "degraded": degraded}
            assert REGISTRY.get_sample_value("aiops_results_total", kind) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"openai_base_url": "http://x/v1"},
        {"openai_base_url": "localhost:1234", "llm_model": "m"},
        {"llm_timeout_seconds": 0},
        {"llm_max_concurrency": 0},
    ],
)
def test_mistakes_are_refused(wrong: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LLM_MODEL", raising=False)
    with pytest.raises(ValidationError):
        LLMSettings.model_validate(wrong)


@pytest.mark.parametrize(("timeout", "work"), [(10, 60), (30, 180), (200, 600), (600, 1200)])
def test_all_questions_of_a_piece_of_work_have_a_bound(timeout: float, work: float) -> None:
    settings = LLMSettings(llm_timeout_seconds=timeout)
    assert settings.work_seconds == work
    assert settings.longest_work_seconds > work
