"""What the runbook tells whoever is on call to run is there, with the options that it is given."""

import re
import shlex
from importlib import import_module

import pytest
import typer
import yaml

from support.alerts import RUNBOOK
from support.servers import ROOT

_CODE = re.compile(r"^ {4}(.+)$|`([^`]+)`", re.MULTILINE)


def _code() -> list[str]:
    """Commands in lines of their own, and whatever stands in backticks, each on one line."""
    found = (line or inline for line, inline in _CODE.findall(RUNBOOK.read_text(encoding="utf-8")))
    return [re.sub(r"\s+", " ", code) for code in found]


OURS = sorted({code.partition(" -m ")[2] for code in _code() if re.search(r"\bpython\b.* -m aiops_", code)})
COMPOSED = sorted({code for code in _code() if code.startswith("docker compose ") and " -c " not in code})


@pytest.mark.parametrize("called", OURS)
def test_a_command_of_ours_exists_with_its_options(called: str) -> None:
    module, name, *arguments = shlex.split(called)
    (app,) = (one for one in vars(import_module(f"{module}.__main__")).values() if isinstance(one, typer.Typer))
    group = typer.main.get_command(app)
    command = getattr(group, "commands", {}).get(name)
    assert command is not None, f"{module} has no command {name}"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {argument for argument in arguments if argument.startswith("-")} <= known


def test_services_that_compose_is_asked_for_exist() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"].keys()
    asked = [code for code in COMPOSED if {"exec", "logs", "restart", "run", "up"} & set(code.split())]
    assert [code for code in asked if not {*services, "SERVICE"} & set(code.split())] == []


def test_the_runbook_names_commands() -> None:
    assert len(OURS) > 10
    assert len(COMPOSED) > 10
