"""The workflow for those who run a copy: what it may do, what it trusts, and the order in which it goes.

`make check-deploy` has it looked at by zizmor and, where there is Go, by actionlint.
"""

import re
from typing import Any

import pytest
import yaml

from support.servers import ROOT, SERVICES

FILE = ROOT / ".github" / "workflows" / "deliver.yaml"
TEXT = FILE.read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, Any] = WORKFLOW["jobs"]
_PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")


def _steps(job: str) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = JOBS[job]["steps"]
    return steps


def _run(job: str) -> str:
    return "\n".join(step.get("run", "") for step in _steps(job))


def test_actions_are_pinned_by_commit_with_their_version_beside() -> None:
    used = [line.strip() for line in TEXT.splitlines() if "uses: " in line]
    assert used
    assert [line for line in used if not _PINNED.search(line)] == []


def test_each_job_has_the_rights_that_it_needs_and_no_others() -> None:
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "test": {"contents": "read"},
        "images": {"contents": "read"},
        "push": {"packages": "write"},
        "staging": {"contents": "read", "packages": "read"},
    }


def test_whoever_may_write_runs_nothing_of_the_repository() -> None:
    assert not [step for step in _steps("push") if "checkout" in step.get("uses", "")]


def test_a_pull_request_pushes_nothing_and_gets_no_secret() -> None:
    assert JOBS["push"]["if"] == "github.ref == 'refs/heads/main' && github.event_name != 'pull_request'"
    assert JOBS["staging"]["needs"] == "push"
    assert [name for name, job in JOBS.items() if "secrets." in str(job)] == ["staging"]
    assert "pull_request_target" not in TEXT


@pytest.mark.parametrize("job", JOBS)
def test_no_text_from_outside_becomes_part_of_a_script(job: str) -> None:
    assert "${{" not in _run(job)


@pytest.mark.parametrize("job", ["images", "push"])
def test_every_service_has_its_image(job: str) -> None:
    assert set(JOBS[job]["strategy"]["matrix"]["service"]) == set(SERVICES)


def test_every_service_is_rolled_out_by_digest() -> None:
    (loop,) = re.findall(r"for service in (.+); do", _run("staging"))
    assert set(loop.split()) == set(SERVICES)
    assert '"aiops-$service=$image@$digest"' in _run("staging")


def test_tested_and_scanned_before_it_is_pushed() -> None:
    assert JOBS["push"]["needs"] == ["test", "images"]
    images = _run("images")
    order = [images.index(word) for word in ("docker build", "syft scan", "grype ")]
    assert order == sorted(order)
    assert "--fail-on high" in images


def test_staging_expands_then_rolls_out_then_looks_and_goes_back_where_that_failed() -> None:
    assert re.findall(r"roll_out\.sh (\w+) ", _run("staging")) == ["expand", "services", "health", "back"]
    back = _steps("staging")[-1]
    assert back["if"] == "failure() && steps.services.outcome != 'skipped'"
    assert [step["name"] for step in _steps("staging") if step.get("id") == "services"] == ["Roll out"]


def test_a_step_that_takes_too_long_fails_before_the_job_is_cancelled() -> None:
    phases = [step for step in _steps("staging") if "roll_out.sh" in step.get("run", "")]
    assert sum(step["timeout-minutes"] for step in phases) < JOBS["staging"]["timeout-minutes"]


def test_the_list_of_what_is_in_an_image_outlives_the_image_and_a_scan_that_fails() -> None:
    names = [step.get("with", {}).get("name") or step.get("name") for step in _steps("images")]
    assert names.index("sbom-${{ matrix.service }}") < names.index("Scan") < names.index("${{ matrix.service }}")
    kept = {one["with"]["name"]: one["with"].get("retention-days") for one in _steps("images") if "upload" in str(one)}
    assert kept == {"sbom-${{ matrix.service }}": None, "${{ matrix.service }}": 7}


def test_its_scripts_and_targets_exist() -> None:
    for script in re.findall(r"(deploy/[\w/]+\.sh)", TEXT):
        assert (ROOT / script).stat().st_mode & 0o111
    targets = re.findall(r"^\s*make (\w+)$", _run("test"), re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets == ["test", "demo"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
