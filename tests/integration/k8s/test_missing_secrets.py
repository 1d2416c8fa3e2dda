"""An overlay that lacks a secret or a setting is not rendered, and what it lacks is named with whoever wants it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deploy.k8s.render import NotRendered

from support.kustomize import copied, overlay

DEV = "k8s/overlays/dev"
OPERATORS = "k8s/components/operators"
SECRETS = f"{OPERATORS}/external-secrets"


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("overlays"))


@contextmanager
def changed(file: Path, change: Callable[[str], str]) -> Iterator[None]:
    """A file says something else for a while."""
    whole = file.read_text(encoding="utf-8")
    assert change(whole) != whole
    file.write_text(change(whole), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(whole, encoding="utf-8")


@contextmanager
def gone(path: Path, aside: Path) -> Iterator[None]:
    """A file or a folder is not there for a while."""
    moved = path.rename(aside / path.name)
    try:
        yield
    finally:
        moved.rename(path)


def without(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("dev", f"{DEV}/secrets/auth.env"),
        ("dev", f"{DEV}/secrets/postgres-admin.env"),
        ("dev", f"{DEV}/servers/90-memory.conf"),
        ("prod", "k8s/base/triage/settings.env"),
        ("prod", f"{SECRETS}/auth.yaml"),
    ],
)
def test_a_file_that_is_missing_is_named(deploy: Path, tmp_path: Path, name: str, file: str) -> None:
    with gone(deploy / file, tmp_path), pytest.raises(NotRendered, match=re.escape(Path(file).name)):
        overlay(deploy, name)


def test_without_any_secret_it_says_what_makes_them(deploy: Path, tmp_path: Path) -> None:
    with gone(deploy / DEV / "secrets", tmp_path), pytest.raises(NotRendered, match="make k8s-secrets"):
        overlay(deploy, "dev")


@pytest.mark.parametrize(
    ("name", "file", "change", "told"),
    [
        ("dev", f"{DEV}/secrets/auth.env", without(r"^AUTH_MASTER_KEY=.*\n"),
         r"Deployment auth: Secret auth-\w+ has no key AUTH_MASTER_KEY"),
        # A line without a value takes that of whoever renders it, who has none.
        ("dev", f"{DEV}/secrets/auth.env", without(r"(?<=^AUTH_MASTER_KEY)=.*"),
         r"Job migrate-auth: Secret auth-\w+ has no key AUTH_MASTER_KEY"),
        ("dev", f"{DEV}/kustomization.yaml", without(r"^  - name: triage\n    envs.*\n"),
         r"Deployment triage: there is no Secret triage with the key TRIAGE_DATABASE_URL"),
        ("dev", f"{DEV}/servers/kustomization.yaml", without(r"^configMapGenerator:\n(  .*\n)+"),
         r"StatefulSet rabbitmq: there is no ConfigMap rabbitmq-settings"),
        ("dev", f"{DEV}/servers/rabbitmq.yaml", lambda text: text.replace("subPath: 90-", "subPath: 91-"),
         r"StatefulSet rabbitmq: ConfigMap rabbitmq-settings-\w+ has no key 91-memory\.conf"),
        ("prod", f"{SECRETS}/auth.yaml", without(r"^ +AUTH_MASTER_KEY: .*\n"),
         r"Deployment auth: Secret auth has no key AUTH_MASTER_KEY"),
        ("prod", f"{SECRETS}/auth.yaml", without(r"^ +- \{secretKey: master_key.*\n"),
         r"ExternalSecret auth: AUTH_MASTER_KEY wants master_key, which `data` has not"),
        ("prod", f"{SECRETS}/kustomization.yaml", without(r"^  - triage\.yaml\n"),
         r"Job migrate-triage: there is no Secret triage with the key TRIAGE_DATABASE_URL"),
        ("prod", f"{SECRETS}/kustomization.yaml", without(r"^  - rabbitmq-tls\.yaml\n"),
         r"RabbitmqCluster rabbitmq: there is no Secret rabbitmq-tls with the key tls\.crt, tls\.key"),
        ("prod", f"{SECRETS}/kustomization.yaml", without(r"^  - postgres-owner\.yaml\n"),
         r"Cluster postgres: there is no Secret postgres-owner with the key username, password"),
        ("staging", "k8s/components/ingress-tls/kustomization.yaml", without(r"^  - certificate\.yaml\n"),
         r"Ingress gateway: there is no Secret gateway-tls with the key tls\.crt, tls\.key"),
        ("staging", "k8s/components/autoscaling-keda/broker-secret.yaml", without(r"^ +tls: enable\n"),
         r"TriggerAuthentication rabbitmq: Secret rabbitmq-keda has no key tls"),
        ("staging", "k8s/components/observability/managed/kustomization.yaml", without(r"^  - grafana-secret\.yaml\n"),
         r"Deployment grafana: there is no Secret grafana with the key GF_SECURITY_ADMIN_PASSWORD"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_whoever_wants_it(
    deploy: Path, name: str, file: str, change: Callable[[str], str], told: str
) -> None:
    with changed(deploy / file, change), pytest.raises(NotRendered, match=told):
        overlay(deploy, name)
