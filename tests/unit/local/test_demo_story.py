from pathlib import Path

import httpx
import pytest
from rich.console import Console

from aiops_local.demo.client import GraphqlErrors
from aiops_local.demo.report import Report
from aiops_local.demo.scene import Scene, StepFailed, accepted
from aiops_local.demo.story import Step, check_language_model, tell


@pytest.fixture
def report(tmp_path: Path) -> Report:
    return Report(Console(width=100, record=True, file=(tmp_path / "out").open("w")))


@pytest.fixture
def scene(tmp_path: Path, report: Report) -> Scene:
    environment = {"GRAPHQL_URL": "http://127.0.0.1:1/graphql"}
    return Scene.opening(tmp_path, tmp_path, environment, report, scripted_llm=True)


async def nothing(scene: Scene) -> None:
    scene.report.done("fine [bold]as it is[/bold]")


def failing(error: Exception) -> Step:
    async def act(scene: Scene) -> None:
        raise error

    return Step("Broken", act, "triage")


@pytest.mark.parametrize(
    ("error", "reason", "service"),
    [
        (StepFailed("changelog gave no result within 60 s", "changelog"), "no result within 60 s", "changelog"),
        (GraphqlErrors([{"message": "no", "extensions": {"code": "UNAVAILABLE"}}]), "UNAVAILABLE: no", "triage"),
        (httpx.ConnectError("refused"), "could not be reached: ConnectError refused", "gateway"),
    ],
)
async def test_a_failed_step_is_told_in_words_and_the_others_go_on(
    scene: Scene, error: Exception, reason: str, service: str
) -> None:
    failures = await tell(scene, (failing(error), Step("After it", nothing, "triage")))

    assert [(one.title, one.service) for one in failures] == [("Broken", service)]
    assert reason in failures[0].reason
    text = scene.report.console.export_text()
    assert "1/2  Broken" in text
    assert reason in text
    assert "fine [bold]as it is[/bold]" in text


async def test_nothing_follows_a_failed_step_that_all_others_need(scene: Scene) -> None:
    async def refused(scene: Scene) -> None:
        raise StepFailed("BAD_CREDENTIALS", "auth")

    failures = await tell(scene, (Step("Sign in", refused, "auth", needed_by_others=True), failing(StepFailed("", ""))))

    assert [one.title for one in failures] == ["Sign in"]


async def test_a_mistake_of_the_demo_itself_is_not_taken_for_a_failure_of_the_stack(scene: Scene) -> None:
    with pytest.raises(KeyError):
        await tell(scene, (failing(KeyError("id")),))


async def test_with_the_scripted_model_an_answer_of_the_built_in_engine_is_a_failure(scene: Scene) -> None:
    by_model = {"engine": "LLM", "degraded": False, "degradedReason": None}
    instead = {"engine": "BUILTIN", "degraded": True, "degradedReason": "circuit open"}
    scene.provenances += [by_model, instead]

    with pytest.raises(StepFailed, match="1 results are not the language model's: circuit open"):
        await check_language_model(scene)

    scene.provenances.remove(instead)
    await check_language_model(scene)
    assert "1 of 1 results are the work of the language model" in scene.report.console.export_text()


def test_user_errors_of_a_mutation_fail_the_step() -> None:
    refused = {"ticket": None, "userErrors": [{"code": "INVALID_INPUT", "message": "too long", "field": ["title"]}]}

    with pytest.raises(StepFailed, match="INVALID_INPUT: too long"):
        accepted(refused, "ticket", "triage")
    assert accepted({"ticket": {"id": "x"}, "userErrors": []}, "ticket", "triage") == {"id": "x"}


def test_where_nobody_watches_there_is_no_spinner_and_no_escape_sequence(report: Report, tmp_path: Path) -> None:
    report.heading("Tickets")
    with report.waiting("triaging"):
        report.done("one")

    written = (tmp_path / "out").read_text() + report.console.export_text(styles=True)
    assert "… triaging" in written
    assert "⠋" not in written
