import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from aiops_common.sealing import Keyring
from aiops_local.jaeger import JaegerServer
from aiops_local.layout import Layout
from aiops_local.postgres import PostgresServer
from aiops_local.rabbitmq import RabbitmqServer
from aiops_local.services import CONTENT, ENGINES, SERVICES, Services


@pytest.fixture
def services(tmp_path: Path) -> Services:
    servers = (PostgresServer(tmp_path), RabbitmqServer(tmp_path), JaegerServer(tmp_path))
    return Services(tmp_path, Layout.of(tmp_path), *servers)


@pytest.fixture(autouse=True)
def no_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "LLM_MODEL", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


def test_every_service_has_an_address_and_credentials_of_its_own(services: Services) -> None:
    environments = {name: services.serve(name, scripted_llm=False).environment for name in SERVICES}

    for variable in ("DATABASE_URL", "AMQP_URL", "PORT"):
        assert len({environments[name][f"{name.upper()}_{variable}"] for name in SERVICES}) == len(SERVICES)
    assert all(environments[name][f"{name.upper()}_HOST"] == "127.0.0.1" for name in SERVICES)


def test_no_service_sees_what_belongs_to_another(services: Services) -> None:
    for name in SERVICES:
        given = services.serve(name, scripted_llm=True).environment
        others = tuple(f"{other.upper()}_" for other in SERVICES if other != name)
        assert [variable for variable in given if variable.startswith(others)] == []


def test_the_master_key_is_32_bytes_in_standard_base64(services: Services) -> None:
    key = services.serve("auth", scripted_llm=False).environment["AUTH_MASTER_KEY"]

    assert len(base64.b64decode(key, validate=True)) == 32


def test_those_who_seal_content_share_its_keys_and_no_other_has_them(services: Services) -> None:
    environments = {name: services.serve(name, scripted_llm=False).environment for name in SERVICES}
    keys = {environments[name][f"{name.upper()}_CONTENT_KEYS"] for name in CONTENT}

    assert len(keys) == 1
    assert Keyring.parse(SecretStr(keys.pop())).newest == "local"
    for name in set(SERVICES) - set(CONTENT):
        assert not [variable for variable in environments[name] if variable.endswith("CONTENT_KEYS")]


def test_another_language_model_changes_the_engines_and_nothing_else(services: Services) -> None:
    changed = {
        name
        for name in SERVICES
        if services.serve(name, scripted_llm=True).fingerprint != services.serve(name, scripted_llm=False).fingerprint
    }

    assert changed == set(ENGINES)


def test_the_callers_language_model_is_passed_on(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://llm.example/v1")
    monkeypatch.setenv("LLM_MODEL", "some-model")

    assert services.serve("triage", scripted_llm=False).environment["LLM_MODEL"] == "some-model"
    assert services.stack_env(scripted_llm=False)["OPENAI_BASE_URL"] == "https://llm.example/v1"
    assert "OPENAI_BASE_URL" not in services.serve("gateway", scripted_llm=False).environment


def test_the_callers_setting_reaches_its_service_but_cannot_move_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("TRIAGE_PORT", "1")

    triage = services.serve("triage", scripted_llm=False).environment

    assert triage["TRIAGE_LOG_LEVEL"] == "DEBUG"
    assert triage["TRIAGE_PORT"] != "1"


def test_a_shell_that_sourced_stack_env_changes_no_command(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [services.serve(name, scripted_llm=False).fingerprint for name in SERVICES]
    for name, value in services.stack_env(scripted_llm=False).items():
        monkeypatch.setenv(name, value)

    assert [services.serve(name, scripted_llm=False).fingerprint for name in SERVICES] == before


def test_without_a_jaeger_spans_go_to_the_file_only(services: Services) -> None:
    assert services.stack_env(scripted_llm=False)["JAEGER_URL"] == ""
    for name in SERVICES:
        environment = services.serve(name, scripted_llm=False).environment
        assert [variable for variable in environment if variable.startswith("OTEL_")] == []
        assert environment["TRACES_FILE"] == str(services.layout.traces)


def test_a_jaeger_that_was_started_gets_every_span_beside_the_file(services: Services) -> None:
    services.layout.pid_file("jaeger").write_text("1\n")

    assert services.stack_env(scripted_llm=False)["JAEGER_URL"] == services.jaeger.url
    for name in SERVICES:
        environment = services.serve(name, scripted_llm=False).environment
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == services.jaeger.otlp
        assert environment["TRACES_FILE"] == str(services.layout.traces)


def test_the_callers_telemetry_settings_win(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    services.layout.pid_file("jaeger").write_text("1\n")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.example:4318")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")

    environment = services.serve("triage", scripted_llm=False).environment

    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector.example:4318"
    assert environment["OTEL_TRACES_SAMPLER"] == "always_off"


def test_stack_env_says_what_is_promised(services: Services) -> None:
    promised = (
        *(
            "GATEWAY_URL",
            "GRAPHQL_URL",
            "ADMIN_EMAIL",
            "ADMIN_PASSWORD",
            "DATABASE_URL",
            "AMQP_URL",
            "PARTNER_AMQP_URL",
            "OPERATOR_AMQP_URL",
        ),
        *("PARTNER_EXCHANGE", "RABBITMQ_NODE", "OPENAI_BASE_URL", "RABBITMQ_MANAGEMENT_URL"),
    )
    values = services.stack_env(scripted_llm=True)

    assert set(promised) <= set(values)
    assert all(values[name] for name in promised)


def test_changed_code_makes_another_command_of_those_that_run_it(services: Services) -> None:
    def fingerprints() -> dict[str, str]:
        return {name: services.serve(name, scripted_llm=False).fingerprint for name in SERVICES}

    def change(file: str) -> set[str]:
        before = fingerprints()
        path = services.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# changed\n")
        after = fingerprints()
        return {name for name in SERVICES if before[name] != after[name]}

    assert change("services/triage/src/aiops_triage/migrations/expand/0002.sql") == {"triage"}
    assert change("libs/common/src/aiops_common/health.py") == set(SERVICES)
    assert change("services/auth/src/aiops_auth/__pycache__/app.pyc") == set()
