"""An outside service that publishes straight onto the broker."""

import asyncio
import os
import secrets
import sys

from rich.text import Text

from aiops_local.demo import operations
from aiops_local.demo.report import engine, facts, origin
from aiops_local.demo.scene import Scene, StepFailed, first_change
from aiops_local.environment import inherited

_PUBLISHER_SECONDS = 30.0
_VARIABLES = ("PARTNER_AMQP_URL", "PARTNER_EXCHANGE")


async def publish_as_partner(scene: Scene) -> None:
    """Run examples/publish_ticket.py, and see its ticket arrive at a subscriber who watches all tickets."""
    title = f"Order export stops after the first file (ACME-{secrets.randbelow(9000) + 1000})"
    body = "Since 09:40 only one file a day arrives instead of one an hour. We ship by hand until it works again."
    arrival = asyncio.create_task(
        first_change(
            scene.admin,
            operations.WATCH_TICKET,
            lambda ticket: ticket["title"] == title and ticket["state"] != "PENDING",
            "triage",
        )
    )
    exchange = scene.environment["PARTNER_EXCHANGE"]
    try:
        with scene.report.waiting(f"publishing to {exchange} and waiting for the result"):
            message_id = await _publish(scene, title, body)
            ticket = await arrival
    finally:
        arrival.cancel()
    if ticket["state"] != "SUCCEEDED":
        raise StepFailed(f"the ticket of the partner failed: {ticket['failure']}", "triage")
    triage = ticket["triage"]
    scene.provenances.append(triage["provenance"])
    scene.report.done("published message ", Text(message_id, style="bold"), f" to {exchange}")
    scene.report.done("a GraphQL subscription told the result")
    decided = f"{triage['category']}, severity {triage['severity']}, priority {triage['priority']}"
    rows = [("ticket", Text(ticket["title"], style="bold")), ("source", ticket["source"]), ("triage", decided)]
    scene.report.show(facts([*rows, ("engine", engine(triage["provenance"])), *origin(ticket)]))


async def _publish(scene: Scene, title: str, body: str) -> str:
    """The id of the message that the outside publisher sent."""
    program = scene.root / "examples" / "publish_ticket.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        os.fspath(program),
        title,
        body,
        env={**inherited(), **{name: scene.environment[name] for name in _VARIABLES}},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PUBLISHER_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        raise StepFailed(f"examples/publish_ticket.py took over {_PUBLISHER_SECONDS:.0f} s", "rabbitmq") from None
    if process.returncode != 0:
        # The last line of a traceback; those above may hold the address with its password.
        said = errors.decode(errors="replace").strip().splitlines() or ["(nothing)"]
        raise StepFailed(f"examples/publish_ticket.py ended with {process.returncode}: {said[-1]}", "rabbitmq")
    return output.decode().strip()
