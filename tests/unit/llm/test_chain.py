"""Chains as settings say them: what can be asked, and what is said of a mistake."""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

import pytest
from pydantic import ValidationError

from aiops_changelog.prompts import OPERATION as CHANGELOG
from aiops_changelog.settings import ChangelogSettings
from aiops_common.llm import InvalidChain, Kind, LLMSettings, Operation, Questions, Step
from aiops_common.llm.budget import LEAST_INPUT_TOKENS
from aiops_common.settings import ServiceSettings, load_settings
from aiops_common.testing.language_model import FakeLanguageModel
from aiops_summarizer.prompts import OPERATION as SUMMARIZE
from aiops_summarizer.settings import SummarizerSettings
from aiops_triage.prompts import OPERATION as TRIAGE
from aiops_triage.settings import TriageSettings
from support.notes import WORK

SERVICES: MappingProxyType[str, tuple[Operation, type[ServiceSettings]]] = MappingProxyType(
    {
        "SUMMARIZER": (SUMMARIZE, SummarizerSettings),
        "TRIAGE": (TRIAGE, TriageSettings),
        "CHANGELOG": (CHANGELOG, ChangelogSettings),
    }
)
KEY = "k1:" + "A" * 43 + "="

Environment = Callable[..., None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Sets what a service needs, and more."""

    def use(service: str, **values: str) -> None:
        monkeypatch.setenv(f"{service}_DATABASE_URL", "postgresql://u:p@127.0.0.1/db")
        monkeypatch.setenv(f"{service}_AMQP_URL", "amqp://u:p@127.0.0.1/")
        monkeypatch.setenv("SUMMARIZER_CONTENT_KEYS", f'["{KEY}"]')
        for name, value in values.items():
            monkeypatch.setenv(f"{service}_{name}", value)

    return use


def chain_of(settings: ServiceSettings) -> tuple[Step, ...]:
    """The setting that all three have."""
    chain: tuple[Step, ...] = settings.chain  # type: ignore[attr-defined] # not of the base
    return chain


@pytest.mark.parametrize("service", SERVICES)
def test_the_least_room_that_settings_allow_is_enough_for_the_default(service: str) -> None:
    operation, _ = SERVICES[service]
    for link in operation.chain().links.values():
        nothing = {name: 99 if kind is Kind.NUMBER else "" for name, kind in link.template.variables.items()}
        smallest = replace(link, max_input_tokens=LEAST_INPUT_TOKENS)
        # Names of a closed set take up to 300 bytes more.
        assert Questions(FakeLanguageModel(), WORK).text_bytes(smallest, nothing) > 1500


def test_less_room_is_refused() -> None:
    Step(step="a", template="a/v1", max_input_tokens=LEAST_INPUT_TOKENS)
    assert LLMSettings(llm_max_input_tokens=LEAST_INPUT_TOKENS).llm_max_input_tokens == LEAST_INPUT_TOKENS
    with pytest.raises(ValidationError, match="greater than or equal to 1024"):
        Step(step="a", template="a/v1", max_input_tokens=LEAST_INPUT_TOKENS - 1)
    with pytest.raises(ValidationError, match="greater than or equal to 1024"):
        LLMSettings(llm_max_input_tokens=LEAST_INPUT_TOKENS - 1)


@pytest.mark.parametrize("service", SERVICES)
def test_the_default_can_be_asked_and_the_settings_have_it(service: str, environment: Environment) -> None:
    operation, kind = SERVICES[service]
    environment(service)
    settings = load_settings(kind)
    assert chain_of(settings) == operation.default
    chain = operation.chain(chain_of(settings), seconds=5)
    assert list(chain.links) == list(operation.steps)
    assert all(link.model is None for link in chain.links.values())
    assert chain.work(UUID(int=1)).seconds == 5


def test_a_chain_in_the_environment_is_taken(environment: Environment) -> None:
    environment(
        "SUMMARIZER",
        CHAIN='[{"step":"window","template":"window/v1","model":"small","max_input_tokens":4000},'
        '{"step":"summary","template":"summary/v2","max_output_tokens":500}]',
    )
    chain = SUMMARIZE.chain(load_settings(SummarizerSettings).chain)
    window, summary = chain.required("window"), chain.required("summary")
    assert (window.model, window.max_input_tokens, window.max_output_tokens) == ("small", 4000, None)
    assert (summary.model, summary.max_output_tokens) == (None, 500)
    prompt = window.prompt({"source": "shop", "part": 1, "parts": 2, "material": "x", "unknown": "left out"})
    assert (prompt.version, prompt.model, prompt.max_input_tokens) == ("window/v1", "small", 4000)


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([], "it has no step; the steps of summarize are window, summary"),
        ([("window", "window/v1")], "the step 'summary' is missing"),
        ([("reduce", "summary/v2")], "there is no step 'reduce'; the steps of summarize are window, summary"),
        ([("summary", "summary/v2"), ("summary", "summary/v2")], "'summary' is there more than once"),
        ([("summary", "summary/v9")], "step 'summary': there is no template summary/v9; there are summary/v2, wind"),
        ([("summary", "../../etc")], "there is no template ../../etc"),
        ([("summary", "window/v1")], "the template window/v1 is for another step; choose one of summary/v2"),
    ],
)
def test_a_mistake_names_what_is_wrong_and_what_there_is(steps: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(InvalidChain) as refused:
        SUMMARIZE.chain([Step(step=step, template=template) for step, template in steps])
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('[{"step":"triage","template":"triage/v99"}]', "TRIAGE_CHAIN: Value error, step 'triage': there is no templ"),
        ('[{"step":"triage","template":"triage/v2","max_input_tokens":1}]', "TRIAGE_CHAIN: 0.max_input_tokens: Inp"),
        ('[{"step":"triage","template":"triage/v2","budget":1}]', "TRIAGE_CHAIN: 0.budget: Extra inputs"),
        ("triage", "TRIAGE_CHAIN: must be valid JSON"),
    ],
)
def test_a_wrong_setting_ends_the_start(
    value: str, told: str, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment("TRIAGE", CHAIN=value)
    with pytest.raises(SystemExit) as ended:
        load_settings(TriageSettings)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_budget_has_bounds() -> None:
    with pytest.raises(ValidationError):
        Step(step="summary", template="summary/v2", max_output_tokens=1)


def test_an_operation_may_go_without_a_step() -> None:
    assert CHANGELOG.chain([Step(step="notes", template="notes/v2")]).link("rewrite") is None
    assert isinstance(CHANGELOG, Operation)
