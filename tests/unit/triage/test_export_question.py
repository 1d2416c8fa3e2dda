"""An exported correction asks what the configured chain would ask."""

import json
from dataclasses import replace
from uuid import UUID

from aiops_triage.command.exporting import conversation
from aiops_triage.domain import Correction, Engine, Priority, Provenance, Severity, TicketCategory, Triage
from aiops_triage.prompts import OPERATION

DECIDED = Triage(
    category=TicketCategory.BUG,
    severity=Severity.LOW,
    priority=Priority.P4,
    confidence=0.4,
    needs_review=True,
    reasons=(),
    provenance=Provenance(engine=Engine.BUILTIN, duration_ms=1),
)
CORRECTION = Correction(ticket_id=UUID(int=1), before=DECIDED, after=DECIDED, title="It is broken", body="")


def test_the_question_is_that_of_the_configured_chain() -> None:
    usual = OPERATION.chain()
    link = usual.required("triage")
    other = replace(
        usual, links={"triage": replace(link, template=replace(link.template, system="Judge in another way."))}
    )
    asked = [json.loads(conversation(CORRECTION, chain) or "{}")["messages"] for chain in (usual, other)]
    assert [messages[0]["content"] == "Judge in another way." for messages in asked] == [False, True]
    assert asked[0][2] == asked[1][2]
