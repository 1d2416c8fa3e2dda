"""deploy/compose/environment.py: secrets made once, addresses and profiles as they are wanted now."""

import base64
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from support.servers import ROOT

PROGRAM = ROOT / "deploy" / "compose" / "environment.py"
REQUIRED = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def _write(file: Path, profiles: str = "", **caller: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, file, profiles],
        env={"PATH": os.environ["PATH"], **caller}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _read(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "compose.env"


def test_every_secret_is_made_and_no_two_are_alike(file: Path) -> None:
    assert _write(file).returncode == 0
    made = _read(file)
    secrets = [made[name] for name in REQUIRED]
    assert len(set(secrets)) == len(REQUIRED) >= 18
    assert all(len(secret) >= 43 for secret in secrets)
    assert all(len(base64.b64decode(made[name], validate=True)) == 32 for name in REQUIRED if name.endswith("_KEY"))


def test_only_the_owner_may_read_it(file: Path) -> None:
    _write(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_secrets_stay_and_a_new_one_is_added(file: Path) -> None:
    _write(file)
    first = _read(file)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("POSTGRES_PASSWORD_AUTH=")))
    _write(file)
    second = _read(file)
    assert second.keys() == first.keys()
    assert {name for name in REQUIRED if first[name] != second[name]} == {"POSTGRES_PASSWORD_AUTH"}


def test_a_shell_reads_what_was_written(file: Path) -> None:
    _write(file)
    made = _read(file)
    shell = subprocess.run(
        ["/bin/sh", "-c", 'set -a; . "$0"; exec env', file], env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.items() <= dict(line.split("=", 1) for line in shell.stdout.splitlines()).items()


def test_profiles_bring_their_addresses_and_take_them_away_again(file: Path) -> None:
    _write(file, "observability,llm")
    with_both = _read(file)
    assert with_both["COMPOSE_PROFILES"] == "llm,observability"
    assert with_both["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otel-collector:4318"
    assert with_both["OPENAI_BASE_URL"] == "http://llm:8000/v1"
    _write(file)
    assert _read(file)["COMPOSE_PROFILES"] == ""
    assert not {"OTEL_EXPORTER_OTLP_ENDPOINT", "OPENAI_BASE_URL", "LLM_MODEL"} & _read(file).keys()


def test_an_unknown_profile_is_named_and_nothing_is_written(file: Path) -> None:
    done = _write(file, "observabilty")
    assert done.returncode == 2
    assert "observabilty" in done.stderr
    assert "llm, observability" in done.stderr
    assert not file.exists()


def test_the_caller_chooses_passwords_and_ports_and_they_stay(file: Path) -> None:
    _write(file, PUBLISH_GATEWAY="127.0.0.1:8123", RABBITMQ_PASSWORD_ACME="chosen")
    _write(file)
    made = _read(file)
    assert made["GRAPHQL_URL"] == "http://127.0.0.1:8123/graphql"
    assert made["PARTNER_AMQP_URL"] == "amqp://acme:chosen@127.0.0.1:5672"
