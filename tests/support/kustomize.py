"""The overlays of deploy/k8s as Kubernetes would get them, rendered from a copy that has secrets of its own."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from deploy.k8s.dev_secrets import main as write_secrets
from deploy.k8s.references import Document
from deploy.k8s.render import parsed, rendered

from aiops_local.kustomize_program import find
from support.servers import ROOT

NOT_THERE = "there is no kustomize 5.5 or newer, nor a kubectl that has one; `make kustomize` finds or builds it"


def kustomize() -> Sequence[str]:
    """The command that renders a folder; the test is skipped where there is none."""
    command = find()
    if command is None:
        pytest.skip(NOT_THERE)
    return command


def copied(directory: Path) -> Path:
    """A copy of deploy/ in ``directory``, with secrets for dev; the overlays are in k8s/overlays."""
    deploy = directory / "deploy"
    shutil.copytree(ROOT / "deploy", deploy, ignore=shutil.ignore_patterns("secrets", "local"))
    write_secrets(deploy / "k8s" / "overlays" / "dev" / "secrets")
    return deploy


def overlay(deploy: Path, name: str) -> list[Document]:
    """The objects of an overlay. Raises NotRendered."""
    return parsed(rendered(kustomize(), deploy / "k8s" / "overlays" / name))
