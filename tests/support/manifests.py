"""What deploy/k8s says, read from its files as they are, without rendering."""

from functools import cache
from typing import Any

import yaml

from support.servers import ROOT

K8S = ROOT / "deploy" / "k8s"
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file())

Document = dict[str, Any]


@cache
def documents(below: str = "") -> tuple[Document, ...]:
    """All objects in the files of a folder of deploy/k8s. Kustomizations and patches (of no name) are left out."""
    files = sorted((K8S / below).glob("**/*.yaml"))
    read = (
        document
        for file in files
        if file.name != "kustomization.yaml"
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    )
    return tuple(one for one in read if "kind" in one and one["metadata"]["name"] != "any")


def of_kind(kind: str, below: str = "") -> dict[str, Document]:
    """The objects of a kind in a folder of deploy/k8s, by name."""
    return {one["metadata"]["name"]: one for one in documents(below) if one["kind"] == kind}


def container(workload: Document) -> Document:
    """The one container of a workload."""
    (only,) = workload["spec"]["template"]["spec"]["containers"]
    found: Document = only
    return found
