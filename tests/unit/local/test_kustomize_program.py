import json
from pathlib import Path

import pytest

from aiops_local import kustomize_program
from aiops_local.go_program import BuildFailed, CannotBuild, cached
from aiops_local.kustomize_program import KUSTOMIZE, VERSION, find, main, provide, version_of
from unit.local.conftest import put

KUBECTL = """#!/bin/sh
[ "$1" = version ] && echo '{"clientVersion": {}, "kustomizeVersion": "%s"}'
"""
ALONE = "#!/bin/sh\necho %s\n"
GO = """#!/bin/sh
case "$1" in
env) echo go1.26.0 ;;
mod) printf '%s' '{module}' ;;
build) cp "{program}" "$7" ;;
esac
"""


@pytest.mark.parametrize(
    ("said", "found"), [("v5.5.0", True), ("v5.10.1", True), ("v6.0.0", True), ("v5.4.3", False), ("", False)]
)
def test_a_kubectl_counts_if_its_kustomize_is_new_enough(machine: Path, said: str, found: bool) -> None:
    kubectl = put(machine / "bin" / "kubectl", KUBECTL % said)
    assert find() == ([str(kubectl), "kustomize"] if found else None)


def test_a_kustomize_of_its_own_goes_before_that_of_kubectl(machine: Path) -> None:
    put(machine / "bin" / "kubectl", KUBECTL % "v5.5.0")
    alone = put(machine / "bin" / "kustomize", ALONE % "v5.6.0")
    assert find() == [str(alone), "build"]


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nonsense\n", "no program"])
@pytest.mark.parametrize("name", ["kubectl", "kustomize"])
def test_what_does_not_say_its_version_has_none(machine: Path, name: str, text: str) -> None:
    assert version_of(put(machine / "bin" / name, text)) == ""
    assert find() is None


def test_it_is_built_from_its_pinned_source_where_there_is_none(machine: Path) -> None:
    module = json.dumps({"Dir": str(machine), "Sum": KUSTOMIZE.module_sum})
    put(machine / "bin" / "go", GO.format(module=module, program=put(machine / "built", ALONE % f"v{VERSION}")))
    assert provide(lambda _: None) == find() == [str(cached(KUSTOMIZE)), "build"]


def test_another_source_is_refused(machine: Path) -> None:
    module = json.dumps({"Dir": str(machine), "Sum": "h1:other"})
    put(machine / "bin" / "go", GO.format(module=module, program=put(machine / "built", ALONE % f"v{VERSION}")))
    with pytest.raises(BuildFailed, match="h1:other"):
        provide(lambda _: None)


def test_without_go_it_says_what_to_install(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CannotBuild, match=r"kubectl 1\.32 has kustomize in it"):
        provide(lambda _: None)
    assert (main([]), main(["--if-possible"])) == (1, 0)
    assert "no Kustomize" in capsys.readouterr().err


def test_the_version_is_that_of_the_module() -> None:
    assert kustomize_program.KUSTOMIZE.module_version == f"v{VERSION}"
