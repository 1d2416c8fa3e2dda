"""What the runbook tells whoever is on call to run is there, with the options that it is given."""

import re
import shlex
from importlib import import_module

import pytest
import typer
import yaml

from aiops_common.postgres.append_only import history_schema
from aiops_common.postgres.provision import load
from support.alerts import RUNBOOK
from support.servers import ROOT

_CODE = re.compile(r"^ {4}(.+)$|`([^`]+)`", re.MULTILINE)


def _code() -> list[str]:
    """Commands in lines of their own, and whatever stands in backticks, each on one line."""
    found = (line or inline for line, inline in _CODE.findall(RUNBOOK.read_text(encoding="utf-8")))
    return [re.sub(r"\s+", " ", code) for code in found]


def _ours(code: str) -> str:
    """Module and arguments of a command of ours, without what the shell around it does."""
    return re.split(r"['<|]", code.partition(" -m ")[2])[0].strip()


OURS = sorted({_ours(code) for code in _code() if re.search(r"\bpython\b.* -m (aiops_|deploy\.)", code)})
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


def test_its_scripts_and_their_phases_exist() -> None:
    called = [shlex.split(code)[:2] for code in _code() if re.match(r"deploy/\S+\.sh", code)]
    assert called
    for script, phase in called:
        text = (ROOT / script).read_text(encoding="utf-8")
        assert (ROOT / script).stat().st_mode & 0o111
        assert f"\n{phase})\n" in text or "\ncase " not in text


def test_what_is_told_of_pg_dump_and_pg_restore_names_all_schemas() -> None:
    roles = load(ROOT / "deploy" / "postgres" / "roles.yaml")
    (restore,) = [code for code in COMPOSED if " pg_restore " in code]
    named = re.findall(r"--schema (\w+)", restore)
    assert sorted(named) == sorted([*roles.roles, *map(history_schema, roles.append_only)])


def test_every_section_names_tests_that_exist() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")
    table = text.partition("## What tests these steps\n")[2].partition("\n## ")[0]
    files = re.findall(r"`(tests/\S+?\.py)`", table)
    assert len(files) > 20
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_runbook_names_commands() -> None:
    assert len(OURS) > 10
    assert len(COMPOSED) > 10
