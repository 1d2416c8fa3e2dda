"""deploy/k8s/dev_secrets.py: every secret that dev needs, made once, outside of git."""

import base64
import stat
from pathlib import Path

import pytest
import yaml
from deploy.compose.environment import read
from deploy.k8s.dev_secrets import main, secrets
from pydantic import SecretStr

from aiops_common.sealing import Keyring
from support.manifests import K8S, container, of_kind
from support.servers import ROOT

MADE = secrets({}, "admin@example.com")


def _read(directory: Path) -> dict[str, dict[str, str]]:
    return {file.stem: read(file.read_text(encoding="utf-8").splitlines()) for file in directory.glob("*.env")}


def test_dev_takes_every_file_that_is_made() -> None:
    overlay = yaml.safe_load((K8S / "overlays" / "dev" / "kustomization.yaml").read_text(encoding="utf-8"))
    taken = {one["name"]: one["envs"] for one in overlay["secretGenerator"]}
    assert taken == {name: [f"secrets/{name}.env"] for name in MADE}


def test_every_key_that_a_pod_of_dev_names_is_made() -> None:
    workloads = [
        one
        for folder in ("base", "overlays/dev")
        for kind in ("Deployment", "StatefulSet", "Job")
        for one in of_kind(kind, folder).values()
    ]
    wanted = [
        (reference["name"], reference["key"])
        for one in workloads
        for variable in container(one).get("env", [])
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef")) and not reference.get("optional")
    ]
    assert len(wanted) > 20
    assert [f"{name}: {key}" for name, key in wanted if key not in MADE.get(name, {})] == []


def test_the_provisioners_have_a_password_for_everybody() -> None:
    roles = yaml.safe_load((ROOT / "deploy/postgres/roles.yaml").read_text(encoding="utf-8"))["roles"]
    topology = yaml.safe_load((ROOT / "deploy/rabbitmq/topology.yaml").read_text(encoding="utf-8"))
    users = [*topology["services"], *topology["partners"], *topology["operators"]]
    assert MADE["postgres-passwords"].keys() == {f"POSTGRES_PASSWORD_{role.upper()}" for role in roles}
    assert MADE["rabbitmq-passwords"].keys() == {f"RABBITMQ_PASSWORD_{user.upper()}" for user in users}


def test_no_two_are_alike_and_keys_are_keys() -> None:
    passwords = [*MADE["postgres-passwords"].values(), *MADE["rabbitmq-passwords"].values()]
    assert len(set(passwords)) == len(passwords)
    assert all(len(one) >= 43 for one in passwords)
    assert MADE["gateway"]["GATEWAY_CONTENT_KEYS"] == MADE["summarizer"]["SUMMARIZER_CONTENT_KEYS"]
    assert Keyring.parse(SecretStr(MADE["gateway"]["GATEWAY_CONTENT_KEYS"]))
    assert len(base64.b64decode(MADE["auth"]["AUTH_MASTER_KEY"], validate=True)) == 32


def test_a_password_stays_and_a_lost_one_is_made_anew_everywhere() -> None:
    kept = {name: dict(variables) for name, variables in MADE.items()}
    del kept["postgres-passwords"]["POSTGRES_PASSWORD_AUTH"]
    again = secrets(kept, "other@example.com")
    changed = {name for name in MADE if again[name] != MADE[name]}
    assert changed == {"postgres-passwords", "auth"}
    assert again["postgres-passwords"]["POSTGRES_PASSWORD_AUTH"] in again["auth"]["AUTH_DATABASE_URL"]
    assert again["auth"]["AUTH_MASTER_KEY"] == MADE["auth"]["AUTH_MASTER_KEY"]
    assert again["auth"]["AUTH_ADMIN_EMAIL"] == "admin@example.com"


def test_only_the_owner_may_read_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "secrets"
    assert main(directory) == 0
    first = _read(directory)
    assert main(directory) == 0
    assert _read(directory) == first
    assert first.keys() == MADE.keys()
    assert {stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {0o600}
    assert not any(value in capsys.readouterr().out for value in first["postgres-passwords"].values())
