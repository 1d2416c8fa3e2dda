"""What the runbook tells to run on a broker is a command of the RabbitMQ that is installed."""

import re
import subprocess

import pytest

from aiops_local.installations import NotInstalled, find_rabbitmq
from support.alerts import RUNBOOK

TOLD = sorted(
    set(re.findall(r"\b(rabbitmqctl|rabbitmq-queues|rabbitmq-diagnostics)\s+([a-z]\w+)", RUNBOOK.read_text("utf-8")))
)


@pytest.mark.parametrize("program", sorted({program for program, _ in TOLD}))
def test_the_installed_program_knows_the_command(program: str) -> None:
    try:
        installed = find_rabbitmq().programs / program
    except NotInstalled as error:
        pytest.skip(str(error))
    told = subprocess.run([str(installed), "help"], capture_output=True, text=True, timeout=60, check=False).stdout
    assert "help" in told
    known = set(re.findall(r"^ {3}(\w+)", told, re.MULTILINE))
    assert {command for named, command in TOLD if named == program} <= known
