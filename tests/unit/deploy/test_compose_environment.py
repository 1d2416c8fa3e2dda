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


@pytest.mark.parametrize(
    "profiles", ["observability,llm", "llm observability", " llm , observability ", "core,llm,observability"]
)
def test_profiles_bring_their_addresses_and_take_them_away_again(file: Path, profiles: str) -> None:
    _write(file, profiles)
    with_both = _read(file)
    assert with_both["COMPOSE_PROFILES"] == "llm,observability"
    assert with_both["PROFILE_OTLP_ENDPOINT"] == "http://otel-collector:4318"
    assert with_both["PROFILE_LLM_BASE_URL"] == "http://llm:8000/v1"
    _write(file)
    assert _read(file)["COMPOSE_PROFILES"] == ""
    assert not [name for name in _read(file) if name.startswith("PROFILE_")]


def test_what_the_profiles_set_is_what_the_compose_file_reads(file: Path) -> None:
    _write(file, "observability,llm")
    read = set(re.findall(r"\$\{(PROFILE_\w+):-", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    assert {name for name in _read(file) if name.startswith("PROFILE_")} == read


def test_what_somebody_wrote_into_it_stays_in_its_place(file: Path) -> None:
    _write(file)
    theirs = [
        "",
        "# Our mirror; A=B is not a variable here.",
        "POSTGRES_IMAGE=mirror.example/postgres:17.7-bookworm",
        "PUBLISH_GRAFANA=127.0.0.1:3100",
        "OPENAI_BASE_URL=https://model.example/v1",
        'OPENAI_API_KEY="sk-$1"',
    ]
    before = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([*before[:3], *theirs, *before[3:], ""]))
    _write(file, "llm")
    assert file.read_text(encoding="utf-8").splitlines()[3 : 3 + len(theirs)] == theirs
    _write(file)
    assert file.read_text(encoding="utf-8").splitlines() == [*before[:3], *theirs, *before[3:]]


def test_an_unknown_profile_is_named_and_nothing_is_written(file: Path) -> None:
    done = _write(file, "observabilty")
    assert done.returncode == 2
    assert "observabilty" in done.stderr
    assert "llm, observability" in done.stderr
    assert not file.exists()


def test_the_caller_chooses_once_and_it_stays(file: Path) -> None:
    _write(
        file, PUBLISH_GATEWAY="127.0.0.1:8123", RABBITMQ_PASSWORD_ACME="chosen",
        ADMIN_EMAIL="ops@acme.example",
    )  # fmt: skip
    _write(file)
    made = _read(file)
    assert made["GRAPHQL_URL"] == "http://127.0.0.1:8123/graphql"
    assert made["PARTNER_AMQP_URL"] == "amqp://acme:chosen@127.0.0.1:5672"
    assert made["ADMIN_EMAIL"] == "ops@acme.example"


@pytest.mark.parametrize(
    ("published", "reached"),
    [("127.0.0.1:6000", "127.0.0.1:6000"), ("0.0.0.0:6000", "127.0.0.1:6000"), ("6000", "127.0.0.1:6000"),
     ("192.0.2.7:6000", "192.0.2.7:6000")],
)  # fmt: skip
def test_an_operator_reaches_the_broker_from_this_machine(file: Path, published: str, reached: str) -> None:
    _write(file, PUBLISH_AMQP=published)
    made = _read(file)
    assert made["OPERATOR_AMQP_URL"] == f"amqp://operator:{made['RABBITMQ_PASSWORD_OPERATOR']}@{reached}"


@pytest.mark.parametrize("value", ["two words", "$HOME", "a#b", "it's", "new\nline", "a/b", "a@b", "a:b"])
def test_a_password_that_would_have_to_be_quoted_is_refused(file: Path, value: str) -> None:
    done = _write(file, POSTGRES_PASSWORD_AUTH=value)
    assert done.returncode == 2
    assert done.stderr.startswith("POSTGRES_PASSWORD_AUTH ")
    assert done.stderr.endswith("allowed are A-Z a-z 0-9 _ + = . -\n")
    assert value not in done.stderr
    assert not file.exists()


def test_an_address_may_hold_what_an_address_holds_and_no_more(file: Path) -> None:
    assert _write(file, ADMIN_EMAIL="ops+night@acme.example").returncode == 0
    done = _write(file, ADMIN_EMAIL="Ops <ops@acme.example>")
    assert done.returncode == 2
    assert "ADMIN_EMAIL " in done.stderr
    assert "allowed are A-Z a-z 0-9 _ + / = . : @ -" in done.stderr
    assert _read(file)["ADMIN_EMAIL"] == "ops+night@acme.example"
