"""Triage of tickets of different kinds, the same ticket sent twice, and a change that comes too late."""

import asyncio
import json
import secrets

from rich.text import Text

from aiops_local.demo import operations
from aiops_local.demo.client import Json
from aiops_local.demo.report import PRIORITY_STYLES, engine, facts, origin, severity, table
from aiops_local.demo.scene import Scene, StepFailed, accepted, first_change, settled

_REASONS = 2
_TITLE_WIDTH = 45


async def triage_tickets(scene: Scene) -> None:
    """Hand in the tickets of examples/tickets.json at once and show what triage made of them."""
    tickets = json.loads((scene.root / "examples" / "tickets.json").read_text(encoding="utf-8"))
    with scene.report.waiting(f"triaging {len(tickets)} tickets"):
        results = await asyncio.gather(*(_triage(scene, ticket) for ticket in tickets))
    scene.report.done(f"triaged {len(results)} tickets")
    title = "ticket, and what decided".ljust(_TITLE_WIDTH)
    shown = table(title, "category", "severity", "prio", "sure", "trace", sure="right")
    for ticket in results:
        triage = ticket["triage"]
        what = _one_line(ticket["title"], "bold").append("\n").append(_one_line(_reasons(triage), "dim"))
        sure = Text(f"{triage['confidence']:.0%}").append("\nreview" if triage["needsReview"] else "", style="yellow")
        priority = Text(triage["priority"], style=PRIORITY_STYLES.get(triage["priority"], ""))
        trace = (ticket["traceId"] or "")[:8]
        shown.add_row(what, triage["category"], severity(triage["severity"]), priority, sure, trace)
    scene.report.show(shown)
    scene.incident = results[0]
    scene.report.note("What a reporter writes is redacted before it is stored; the first ticket reads:")
    scene.report.show(Text(results[0]["body"] or "", style="italic"))
    decided = "\n".join(results[0]["triage"]["reasons"])
    who = engine(results[0]["triage"]["provenance"])
    scene.report.show(facts([("decided by", decided), ("engine", who), *origin(results[0])]))


async def send_twice(scene: Scene) -> None:
    """A client that got no answer sends again, with the same idempotency key: there is one ticket."""
    key = f"demo-{secrets.token_hex(8)}"
    ticket = {"title": "Printer on floor 3 is out of toner", "body": "Please refill it.", "idempotencyKey": key}
    sent = [scene.admin.execute(operations.TRIAGE_TICKET, input=ticket) for _ in range(2)]
    first, second = [accepted(answer["triageTicket"], "ticket", "gateway") for answer in await asyncio.gather(*sent)]
    if first["id"] != second["id"]:
        raise StepFailed("two tickets came of one idempotency key", "gateway")
    scene.report.done("sent one ticket twice with the same idempotency key: one ticket, ", first["id"])
    await settled(scene, operations.WATCH_TICKET, first, "triage")


async def change_status(scene: Scene) -> None:
    """Two people work on one ticket: the second one's view is stale and is refused."""
    if scene.incident is None:
        raise StepFailed("no ticket was triaged, so there is none to work on", "triage")
    seen, changed = scene.incident, await _move(scene, "IN_PROGRESS")
    ticket = accepted(changed, "ticket", "triage")
    versions = f"version {seen['version']} → {ticket['version']}"
    scene.report.done(f"took the incident on: {seen['status']} → {ticket['status']}, {versions}")
    stale = await _move(scene, "RESOLVED")
    codes = [error["code"] for error in stale["userErrors"]]
    if codes != ["VERSION_CONFLICT"]:
        raise StepFailed(f"a change to a stale version was answered with {codes or 'no error'}", "triage")
    scene.report.done("refused a change that was made to the older version: ", Text(codes[0], style="bold red"))
    scene.report.note(stale["userErrors"][0]["message"])
    if (stale["ticket"] or {}).get("version") != ticket["version"]:
        raise StepFailed("the refusal did not bring the current ticket along", "triage")
    version = ticket["version"]
    await first_change(
        scene.admin, operations.WATCH_TICKET, lambda one: one["version"] >= version, "gateway", id=ticket["id"]
    )
    scene.report.done("the change reached the subscribers of the ticket")


async def _move(scene: Scene, status: str) -> Json:
    incident = scene.incident or {}
    change = {"ticketId": incident["id"], "status": status, "expectedVersion": incident["version"]}
    payload: Json = (await scene.admin.execute(operations.UPDATE_TICKET_STATUS, input=change))["updateTicketStatus"]
    return payload


async def _triage(scene: Scene, ticket: Json) -> Json:
    payload = (await scene.admin.execute(operations.TRIAGE_TICKET, input=ticket))["triageTicket"]
    pending = accepted(payload, "ticket", "triage")
    return await settled(scene, operations.WATCH_TICKET, pending, "triage")


def _one_line(text: str, style: str) -> Text:
    line = Text(text, style=style)
    line.truncate(_TITLE_WIDTH, overflow="ellipsis")
    return line


def _reasons(triage: Json) -> str:
    reasons = "; ".join(triage["reasons"][:_REASONS]) or "nothing in particular"
    return reasons.removeprefix(f"category {triage['category']}: ")
