"""docker-compose.yml keeps our rules: nothing open, nothing unlimited, no password in it, no service forgotten."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_core import PydanticUndefined

from aiops_common.settings import ServiceSettings
from support.servers import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file())
JOBS = {name for name, container in CONTAINERS.items() if container["restart"] == "no"}
PUBLISHED = {"gateway": 8000, "rabbitmq": 5672, "jaeger": 16686, "prometheus": 9090, "grafana": 3000}
WITHOUT_HEALTH = {"otel-collector": "its image holds the collector and no program that could ask it"}
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?P<operator>:[-?])")
INNERMOST = re.compile(VARIABLE.pattern + r"(?P<word>[^${}]*)\}")


def _filled(text: str, **given: str) -> str:
    """`text` as compose reads it where `given` is set, and what is required, to 32 bytes in base64."""

    def value(found: re.Match[str]) -> str:
        return given.get(found["name"]) or ("A" * 43 + "=" if found["operator"] == ":?" else found["word"])

    text = str(text)
    while (filled := INNERMOST.sub(value, text)) != text:
        text = filled
    return text


@pytest.fixture(params=sorted(CONTAINERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def container(name: str) -> dict[str, Any]:
    return CONTAINERS[name]


def test_a_container_can_do_little(name: str, container: dict[str, Any]) -> None:
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not container.keys() & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"}
    # Our own image says whose it runs as, and by number: see the test of the Dockerfile.
    user = "10001" if container["image"].startswith("aiops-") else container["user"].split(":")[0]
    assert int(user) > 0


def test_a_container_is_limited(name: str, container: dict[str, Any]) -> None:
    assert container["mem_limit"]
    assert container["pids_limit"] > 0
    assert container["stop_grace_period"]
    assert container["logging"]["options"].keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_time_to_end_that_it_has_on_kubernetes(service: str) -> None:
    hardened = yaml.safe_load((ROOT / "deploy/k8s/components/hardening/service.yaml").read_text(encoding="utf-8"))
    seconds = hardened["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert CONTAINERS[service]["stop_grace_period"] == f"{seconds}s"


def test_a_container_that_stays_starts_again_and_can_be_asked(name: str, container: dict[str, Any]) -> None:
    if name in JOBS:
        assert container["healthcheck"] == {"disable": True}
        return
    assert container["restart"] == "unless-stopped"
    asked = "healthcheck" in container or name in SERVICES  # a service brings its own, in the image
    assert asked != (name in WITHOUT_HEALTH)


def test_an_image_is_ours_or_pinned_and_replaceable(name: str, container: dict[str, Any]) -> None:
    ours = re.fullmatch(r"aiops-(\w+):\$\{AIOPS_VERSION:-local\}", container["image"])
    theirs = re.fullmatch(r"\$\{\w+_IMAGE:-[\w./-]+:v?\d+\.\d+(\.\d+)?(-\w+)?\}", container["image"])
    assert (ours is not None and ours[1] in SERVICES) or theirs


def test_only_what_people_and_partners_use_is_published_and_to_this_machine_only() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}
    assert published.keys() == PUBLISHED.keys()
    for name, ports in published.items():
        assert [re.sub(r":\d+:", ":", _filled(port)) for port in ports] == [f"127.0.0.1:{PUBLISHED[name]}"]


def test_the_database_is_reached_by_those_who_use_it_only() -> None:
    assert COMPOSE["networks"]["database"] == {"internal": True}
    inside = {name for name, container in CONTAINERS.items() if "database" in container["networks"]}
    jobs = {"provision-postgres", "protect-postgres", *(f"migrate-{service}" for service in SERVICES)}
    assert inside == {"postgres", *jobs, *SERVICES}


def test_no_password_stands_in_the_file() -> None:
    for name, container in CONTAINERS.items():
        for variable, value in container.get("environment", {}).items():
            if re.search(r"PASS|SECRET|TOKEN|_KEYS?$", variable) and variable != "OPENAI_API_KEY":
                assert re.search(r"\$\{\w+:\?", str(value)), f"{name}: {variable}"
            assert not re.search(r"://[^:/]+:[^$]", str(value).split("@")[0]) or "@" not in str(value), variable


def test_every_variable_has_a_default_or_is_required() -> None:
    assert len(re.findall(r"\$\{?\w", TEXT)) == len(VARIABLE.findall(TEXT)) + TEXT.count("`${NAME")
    required = {found["name"] for found in VARIABLE.finditer(TEXT) if found["operator"] == ":?"}
    assert not required & {found["name"] for found in VARIABLE.finditer(TEXT) if found["operator"] == ":-"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_built_migrated_and_waits_for_what_it_needs(service: str) -> None:
    container, migration = CONTAINERS[service], CONTAINERS[f"migrate-{service}"]
    assert container["image"] == migration["image"] == f"aiops-{service}:${{AIOPS_VERSION:-local}}"
    assert container["build"]["args"]["SERVICE"] == service
    assert container["environment"] == migration["environment"]
    assert set(container["depends_on"]) == {"provision-rabbitmq", "protect-postgres"}
    assert f"migrate-{service}" in CONTAINERS["protect-postgres"]["depends_on"]
    assert "provision-postgres" in migration["depends_on"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_all_that_it_requires(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"aiops_{service}.settings")
    (kind,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ServiceSettings) and value is not ServiceSettings
    )
    given = CONTAINERS[service]["environment"]
    prefix = service.upper()
    required = {name.upper() for name, field in kind.model_fields.items() if field.default is PydanticUndefined}
    assert {f"{prefix}_{name}" for name in required} <= given.keys()
    for variable, value in given.items():
        monkeypatch.setenv(variable, _filled(value))
    settings = kind()
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert settings.database_url.get_secret_value().startswith(f"postgresql://{service}:")
    unknown = {name for name in given if name.startswith(f"{prefix}_")} - {
        f"{prefix}_{name.upper()}" for name in kind.model_fields
    }
    assert not unknown


def test_the_provisioners_have_a_password_for_everybody() -> None:
    roles = yaml.safe_load((ROOT / "deploy/postgres/roles.yaml").read_text(encoding="utf-8"))["roles"]
    topology = yaml.safe_load((ROOT / "deploy/rabbitmq/topology.yaml").read_text(encoding="utf-8"))
    users = [*topology["services"], *topology["partners"], *topology["operators"]]
    postgres = CONTAINERS["provision-postgres"]["environment"].keys()
    rabbitmq = CONTAINERS["provision-rabbitmq"]["environment"].keys()
    assert {f"POSTGRES_PASSWORD_{role.upper()}" for role in roles} == postgres - {"POSTGRES_ADMIN_URL"}
    assert {f"RABBITMQ_PASSWORD_{user.upper()}" for user in users} == rabbitmq - {"RABBITMQ_MANAGEMENT_URL"}


def test_a_profile_goes_before_what_else_is_set_and_a_host_keeps_its_own_endpoint() -> None:
    triage = CONTAINERS["triage"]["environment"]
    endpoint, model = triage["OTEL_EXPORTER_OTLP_ENDPOINT"], triage["OPENAI_BASE_URL"]
    assert _filled(endpoint, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318") == ""
    assert _filled(endpoint, AIOPS_OTLP_ENDPOINT="http://spans.example:4318") == "http://spans.example:4318"
    assert _filled(endpoint, AIOPS_OTLP_ENDPOINT="http://theirs", PROFILE_OTLP_ENDPOINT="http://ours") == "http://ours"
    assert _filled(model, OPENAI_BASE_URL="http://theirs") == "http://theirs"
    assert _filled(model, OPENAI_BASE_URL="http://theirs", PROFILE_LLM_BASE_URL="http://ours") == "http://ours"


def test_graphiql_is_not_promised_where_no_image_holds_it() -> None:
    assert "services/gateway/graphiql" in Path(ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "GATEWAY_DEVELOPMENT" not in CONTAINERS["gateway"]["environment"]


def test_the_broker_holds_publishers_before_its_container_is_full() -> None:
    (mounted,) = CONTAINERS["rabbitmq"]["configs"]
    assert re.fullmatch(r"/etc/rabbitmq/conf\.d/\d\d-\w+\.conf", mounted["target"])
    configuration = (ROOT / COMPOSE["configs"][mounted["source"]]["file"]).read_text(encoding="utf-8")
    settings = [line for line in configuration.splitlines() if not line.startswith("#")]
    assert settings == ["vm_memory_high_watermark.absolute = 600MiB"]
    assert CONTAINERS["rabbitmq"]["mem_limit"] == "1g"


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [volume.split(":")[0] for one in CONTAINERS.values() for volume in one.get("volumes", [])]
    files = [config["file"] for config in COMPOSE["configs"].values()]
    for path in [*files, *(one for one in mounted if one.startswith("."))]:
        assert (ROOT / path).exists(), path
    assert {one for one in mounted if not one.startswith(".")} == COMPOSE["volumes"].keys()


def test_the_image_runs_as_nobody_and_is_asked_by_its_own_python() -> None:
    final = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[-1]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert re.search(r'^HEALTHCHECK .*CMD \["python"', final, re.MULTILINE)
    assert not re.search(r"^(ARG|ENV) .*(PASSWORD|SECRET|TOKEN|KEY)", final, re.MULTILINE)


def test_a_build_sees_nothing_but_what_it_copies() -> None:
    ignored = Path(ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        "!requirements.lock",
        "!pyproject.toml",
        "!libs",
        "!services",
    }
