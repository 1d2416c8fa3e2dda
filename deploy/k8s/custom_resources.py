"""Checks custom resources against the schemas that their operators publish, and says where one differs.

    python -m deploy.k8s.custom_resources [--crds DIRECTORY] FILE…

The directory (or K8S_CRDS in the environment) holds CustomResourceDefinitions as YAML, as the projects publish them;
without one nothing is checked, which is said. Run by the Python of .venv-checks, which has jsonschema.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

Document = dict[str, Any]
Schemas = Mapping[tuple[str, str], Document]
"""apiVersion and kind → schema."""

_BUILT_IN = ("apps/v1", "autoscaling/v2", "batch/v1", "networking.k8s.io/v1", "policy/v1", "v1")


def schemas(documents: Iterable[Document]) -> dict[tuple[str, str], Document]:
    """The schema of each version of each kind that CustomResourceDefinitions among `documents` define."""
    return {
        (f"{spec['group']}/{version['name']}", spec["names"]["kind"]): closed(version["schema"]["openAPIV3Schema"])
        for spec in (document["spec"] for document in documents if document.get("kind") == "CustomResourceDefinition")
        for version in spec["versions"]
    }


def closed(schema: Document) -> Document:
    """`schema` with no room for fields that it does not name: Kubernetes drops them without a word."""
    result = dict(schema)
    for field in ("items", "additionalProperties"):
        if isinstance(schema.get(field), dict):
            result[field] = closed(schema[field])
    if "properties" in schema:
        result["properties"] = {name: closed(one) for name, one in schema["properties"].items()}
        # Of metadata a definition says no more than that it is an object.
        if not (schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema):
            result["additionalProperties"] = False
    if schema.get("nullable") and "type" in schema:
        result["type"] = [schema["type"], "null"]
    return result


def problems(documents: Iterable[Document], known: Schemas) -> Iterator[str]:
    """One line for each field that differs from the schema of its kind, and each kind that has none."""
    for document in documents:
        api, kind = document["apiVersion"], document["kind"]
        who = f"{kind} {document['metadata']['name']}"
        if (schema := known.get((api, kind))) is None:
            yield f"{who}: there is no definition of {api} {kind}"
            continue
        for error in Draft202012Validator(schema).iter_errors(document):
            yield f"{who}: {'.'.join(map(str, error.absolute_path)) or '(the whole)'}: {error.message[:300]}"


def custom(documents: Iterable[Document]) -> list[Document]:
    """Those of `documents` that Kubernetes itself does not define."""
    return [document for document in documents if document["apiVersion"] not in _BUILT_IN]


def _read(files: Iterable[Path]) -> Iterator[Document]:
    for file in files:
        yield from (document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document)


def main(arguments: list[str]) -> int:
    """Check the files that are named; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.k8s.custom_resources")
    parser.add_argument("--crds", type=Path, default=os.environ.get("K8S_CRDS") or None)
    parser.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args(arguments)
    found = {file: custom(_read([file])) for file in given.files}
    total = sum(map(len, found.values()))
    if given.crds is None:
        sys.stdout.write(f"{total} custom resources are not checked: K8S_CRDS names no folder of definitions\n")
        return 0
    known = schemas(_read(sorted(Path(given.crds).glob("*.yaml"))))
    wrong = [f"{file.stem}: {line}" for file, documents in found.items() for line in problems(documents, known)]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"{total} custom resources, {len(wrong)} problems\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
