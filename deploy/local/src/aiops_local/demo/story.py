"""The steps of the demo in their order, and what happens when one does not work."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from websockets.exceptions import WebSocketException

from aiops_local.demo.accounts import refuse_viewer, sign_in
from aiops_local.demo.changelogs import make_changelog
from aiops_local.demo.client import GraphqlErrors
from aiops_local.demo.partner import publish_as_partner
from aiops_local.demo.scene import Scene, StepFailed
from aiops_local.demo.summaries import summarize_own_logs
from aiops_local.demo.tickets import change_status, send_twice, triage_tickets


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the demo; `service` is whose log is shown when nothing tells more exactly."""

    title: str
    act: Callable[[Scene], Awaitable[None]]
    service: str
    needed_by_others: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that did not work, why in words, and the service concerned."""

    title: str
    reason: str
    service: str


async def check_language_model(scene: Scene) -> None:
    """With the scripted language model, answers must say that it gave them."""
    by_model = sum(one["engine"] == "LLM" for one in scene.provenances)
    total = len(scene.provenances)
    who = "the language model" if by_model else "the built-in engines"
    scene.report.done(f"{by_model or total} of {total} results are the work of {who}")
    # What the built-in engine is sure of is not asked about; what the model was asked for and did not give is degraded.
    missing = [one["degradedReason"] or "no reason given" for one in scene.provenances if one["degraded"]]
    if scene.scripted_llm and (missing or not by_model):
        reasons = "; ".join(sorted(set(missing))) or "none of them is"
        raise StepFailed(f"{len(missing) or total} results are not the language model's: {reasons}", "llm")


STEPS = (
    Step("Sign in", sign_in, "auth", needed_by_others=True),
    Step("A new account may look and not touch", refuse_viewer, "gateway"),
    Step("Summaries of this run's own logs", summarize_own_logs, "summarizer"),
    Step("Tickets", triage_tickets, "triage"),
    Step("Sent twice, done once", send_twice, "triage"),
    Step("The changelog of this repository", make_changelog, "changelog"),
    Step("An outside service on the broker", publish_as_partner, "triage"),
    Step("Two people, one ticket", change_status, "triage"),
    Step("Who answered", check_language_model, "gateway"),
)


async def tell(scene: Scene, steps: tuple[Step, ...] = STEPS) -> list[Failure]:
    """Take every step; one that fails is told and the next one is taken, unless they all need it."""
    failures = []
    for number, step in enumerate(steps, 1):
        scene.report.heading(f"{number}/{len(steps)}  {step.title}")
        try:
            await step.act(scene)
        except StepFailed as error:
            failures.append(Failure(step.title, str(error), error.service))
        except GraphqlErrors as error:
            failures.append(Failure(step.title, f"the API answered {error.code or 'an error'}: {error}", step.service))
        except (httpx.HTTPError, WebSocketException, OSError) as error:
            reason = f"the API could not be reached: {type(error).__name__} {error}"
            failures.append(Failure(step.title, reason, "gateway"))
        else:
            continue
        scene.report.failed(failures[-1].reason)
        if step.needed_by_others:
            break
    return failures
