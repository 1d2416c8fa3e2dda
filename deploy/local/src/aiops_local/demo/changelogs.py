"""The changelog of this repository."""

import json

from rich.markdown import Markdown
from rich.text import Text

from aiops_local.demo import operations
from aiops_local.demo.client import Json
from aiops_local.demo.git_history import MAX_COMMITS, NoHistory, read_history
from aiops_local.demo.report import engine, facts, origin, stacked
from aiops_local.demo.scene import Scene, StepFailed, accepted, settled

_FEW = 5
_LINES = 40


async def make_changelog(scene: Scene) -> None:
    """Draft a changelog from the commits of this checkout, or from examples/commits.json where it has none."""
    commits = _commits(scene)
    sent = {"project": "ai-ops-assistant", "commits": commits}
    with scene.report.waiting(f"making a changelog of {len(commits)} commits"):
        payload = (await scene.admin.execute(operations.GENERATE_CHANGELOG, input=sent))["generateChangelog"]
        pending = accepted(payload, "changelog", "changelog")
        changelog = await settled(scene, operations.WATCH_CHANGELOG, pending, "changelog")
    _show(scene, changelog, len(commits))


def _commits(scene: Scene) -> list[Json]:
    try:
        history = read_history(scene.root)
    except NoHistory as reason:
        scene.report.note(f"{reason}: the commits of examples/commits.json stand in for it.")
        example: list[Json] = json.loads((scene.root / "examples" / "commits.json").read_text(encoding="utf-8"))
        return example
    if history.shallow:
        scene.report.note("This is a shallow clone: the changelog covers the commits that it has.")
    elif len(history.commits) < _FEW:
        scene.report.note(f"The history has {len(history.commits)} commits only, so the changelog is short.")
    elif len(history.commits) == MAX_COMMITS:
        scene.report.note(f"The changelog covers the newest {MAX_COMMITS} commits.")
    return history.commits


def _show(scene: Scene, changelog: Json, given: int) -> None:
    if not changelog["markdown"]:
        raise StepFailed("the changelog came without its text", "changelog")
    sections = ", ".join(f"{len(one['entries'])} {one['section'].lower()}" for one in changelog["sections"])
    aside = f"{len(changelog['reverted'])} reverted, {len(changelog['needsReview'])} for review"
    scene.report.done(f"{given} commits → {sections or 'no entries'}; {aside}")
    lines = changelog["markdown"].splitlines()
    scene.report.show(
        stacked(
            facts(
                [
                    ("release", f"{changelog['release'] or 'not named'}, suggested bump {changelog['suggestedBump']}"),
                    ("summary", changelog["summary"] or "none"),
                    ("engine", engine(changelog["provenance"])),
                    *origin(changelog),
                ]
            ),
            Text(""),
            Markdown("\n".join(lines[:_LINES]))
            if scene.report.console.is_terminal
            else Text("\n".join(lines[:_LINES])),
        )
    )
    if len(lines) > _LINES:
        scene.report.note(f"{len(lines) - _LINES} more lines: ask for changelog(id) {{ markdown }}.")
