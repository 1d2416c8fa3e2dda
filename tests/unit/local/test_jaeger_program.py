import fcntl
import json
import os
import threading
from pathlib import Path

import pytest

from aiops_local.go_program import BuildFailed, CannotBuild
from aiops_local.jaeger_program import MODULE_SUM, VERSION, build, cached, find, version_of
from unit.local.conftest import put

JAEGER = """#!/bin/sh
echo '{"gitCommit":"","gitVersion":"%s","buildDate":""}'
"""

# What Go is asked for: `env GOVERSION`, `mod download -json MODULE` and `build ... -o FILE ...`.
GO = """#!/bin/sh
case "$1" in
env) echo {version} ;;
mod) echo "go: downloading something" >&2; printf '%s' '{module}'; exit {download} ;;
build) echo "$PWD $GOTOOLCHAIN $*" >> "{log}"; cp "{jaeger}" "$7"; exit {build} ;;
esac
"""


def put_go(machine: Path, **changes: object) -> None:
    (machine / "source").mkdir(exist_ok=True)
    module = json.dumps({"Dir": str(machine / "source"), "Sum": changes.pop("hash", MODULE_SUM)})
    jaeger = put(machine / "jaeger", JAEGER % changes.pop("built", f"v{VERSION}"))
    told = {"version": "go1.26.0", "download": 0, "build": 0, **changes}
    put(machine / "bin" / "go", GO.format(module=module, jaeger=jaeger, log=machine / "log", **told))


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize(("said", "found"), [("v2.13.0", True), ("v2.20.1", True), ("v1.76.0", False), ("", False)])
def test_only_a_jaeger_of_version_2_on_path_counts(machine: Path, said: str, found: bool) -> None:
    program = put(machine / "bin" / "jaeger", JAEGER % said)

    assert find() == (program if found else None)


def test_what_was_built_before_is_found_unless_path_has_one(machine: Path) -> None:
    put(cached(), JAEGER % f"v{VERSION}")
    assert find() == cached()

    program = put(machine / "bin" / "jaeger", JAEGER % "v2.9.0")
    assert find() == program


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nonsense\n", "#!/bin/sh\necho '[]'\n", "no"])
def test_a_program_that_does_not_say_its_version_has_none(tmp_path: Path, text: str) -> None:
    assert version_of(put(tmp_path / "jaeger", text)) == ""


def test_it_is_built_where_the_modules_own_sums_hold_and_kept(machine: Path) -> None:
    put_go(machine)
    told: list[str] = []

    assert build(told.append) == cached()
    assert find() == cached()
    directory, toolchain, *arguments = (machine / "log").read_text().split()
    assert (directory, toolchain) == (str(machine / "source"), "local")
    assert {"-mod=readonly", "-trimpath", "./cmd/jaeger"} <= set(arguments)
    assert any("minutes" in line for line in told)
    assert sorted(path.name for path in cached().parent.iterdir()) == ["jaeger", "lock"]

    assert build(silent) == cached()
    assert len((machine / "log").read_text().splitlines()) == 1, "what is there is not built again"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hash": "h1:other"}, "has the hash h1:other"),
        ({"download": 1}, "go: downloading something"),
        ({"build": 2}, "ended with 2"),
        ({"built": "v1.0.0"}, "says that it is version '1.0.0'"),
    ],
)
def test_what_goes_wrong_is_told_and_leaves_nothing_behind(
    machine: Path, changes: dict[str, object], said: str
) -> None:
    put_go(machine, **changes)

    with pytest.raises(BuildFailed, match=said):
        build(silent)

    assert [path.name for path in cached().parent.iterdir()] == ["lock"]
    assert find() is None


@pytest.mark.parametrize(("version", "seen"), [(None, "found: none"), ("go1.24.5", "1.24.5 in")])
def test_without_a_go_that_is_new_enough_it_says_what_to_do(machine: Path, version: str | None, seen: str) -> None:
    if version:
        put_go(machine, version=version)

    with pytest.raises(CannotBuild) as refused:
        build(silent)

    assert seen in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "install" in str(refused.value)


def test_a_second_build_waits_for_the_first_and_takes_what_it_made(machine: Path) -> None:
    put_go(machine)
    cached().parent.mkdir(parents=True)
    waits = threading.Event()

    def say(what: str) -> None:
        if "another build" in what:
            waits.set()

    with (cached().parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = threading.Thread(target=build, args=(say,))
        second.start()
        assert waits.wait(30)
        put(cached(), JAEGER % f"v{VERSION}")
    second.join(30)

    assert not second.is_alive()
    assert not (machine / "log").exists()


def test_a_relative_cache_directory_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert cached() == tmp_path / ".cache" / "aiops" / f"jaeger-{VERSION}" / "jaeger"
    assert os.environ["HOME"] == str(tmp_path)
