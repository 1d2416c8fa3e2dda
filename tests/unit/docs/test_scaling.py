"""The sums of docs/scaling.md come of the costs that it tells and of the settings' defaults."""

import re
from math import ceil, floor

import pytest
import yaml

from aiops_common.llm import LLMSettings
from aiops_common.settings import ServiceSettings
from support.servers import ROOT

TEXT = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
PLANNED = 0.6
CONNECTIONS = ServiceSettings.model_fields["database_pool_size"].default + 2 + 1


def _section(title: str) -> str:
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _rows(section: str) -> dict[str, list[str]]:
    """First cell → the others, of all tables of the section."""
    rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ")
    )
    return {first: others for first, *others in rows if set(first) - set("-: ")}


COSTS = {
    name: float(cells[0])
    for name, cells in _rows(_section("What a message costs")).items()
    if re.fullmatch(r"[\d.]+", cells[0])
}


@pytest.mark.parametrize("process", ["gateway", "triage"])
def test_what_one_core_does(process: str) -> None:
    full, planned = _rows(_section("What a message costs"))[process][1:3]
    assert full == f"{1000 / COSTS[process]:.0f}/s"
    assert planned == f"{1000 / COSTS[process] * PLANNED:.0f}/s"


def test_processes_for_a_thousand_a_second() -> None:
    rows = _rows(_section("A cluster for 1,000 messages a second"))
    for name in ("gateway", "triage, built-in engine"):
        cores, processes, *_ = rows[name]
        wanted = 1000 * COSTS[name.partition(",")[0]] / 1000
        assert float(cores) == pytest.approx(wanted, abs=0.006)
        assert int(processes) == max(2, ceil(wanted / PLANNED))


def test_processes_of_a_cell() -> None:
    section = _section("A cluster for 50,000 messages a second")
    rows = _rows(section)
    assert "20 of them" in section
    for name in ("gateway", "triage, built-in engine", "PostgreSQL", "RabbitMQ"):
        assert float(rows[name][0]) == pytest.approx(2500 * COSTS[name.partition(",")[0]] / 1000, abs=0.006)
    for name in ("gateway", "triage, built-in engine"):
        assert int(rows[name][1]) == ceil(2500 * COSTS[name.partition(",")[0]] / 1000 / PLANNED)


def test_the_limits_are_those_of_the_settings() -> None:
    bounds = " ".join(_section("What bounds the number of processes").split())
    at_once = LLMSettings.model_fields["llm_max_concurrency"].default
    timeout = LLMSettings.model_fields["llm_timeout_seconds"].default
    prefetch = ServiceSettings.model_fields["prefetch"].default
    assert f"`LLM_MAX_CONCURRENCY` ({at_once})" in bounds
    assert f"3,000 / 60 × 1 / {at_once} = {floor(3000 / 60 / at_once)} processes" in bounds
    assert f"(processes + services) × {CONNECTIONS} + 3 ≤ max_connections" in bounds
    assert f"(26 + 5) × {CONNECTIONS} + 3 = {31 * CONNECTIONS + 3}" in bounds
    assert f"`<NAME>_PREFETCH` ({prefetch})" in bounds
    assert f"{prefetch} / {at_once} × L" in bounds
    assert f"`LLM_TIMEOUT_SECONDS` ({timeout})" in bounds


def test_composes_connections_are_enough_for_what_is_told() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    (told,) = re.findall(r"max_connections=(\d+)", " ".join(compose["services"]["postgres"]["command"]))
    (processes, services, sum_told) = re.findall(r"\((\d+) \+ (\d+)\) × 13 \+ 3 = (\d+)\.", " ".join(TEXT.split()))[0]
    assert int(sum_told) == (int(processes) + int(services)) * CONNECTIONS + 3 <= int(told)
