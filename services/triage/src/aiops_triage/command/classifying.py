"""``classify``: triage tickets offline."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from aiops_triage.command.lines import TicketLine, read_tickets
from aiops_triage.domain import TicketCategory
from aiops_triage.engine import classify
from aiops_triage.engine.model import TrainedModel, load

_DECISIVE = 3


def classified(lines: BinaryIO, model: Path | None, *, as_json: bool) -> Iterator[str]:
    """What is to be printed for each ticket in ``lines``; raises InvalidLine, InvalidModel or OSError."""
    trained = load(model.read_bytes()) if model else None
    for number, ticket in read_tickets(lines):
        verdict = judged(ticket, trained)
        yield as_json_line(number, verdict) if as_json else as_text(number, ticket.title, verdict)


def judged(ticket: TicketLine, model: TrainedModel | None) -> dict[str, Any]:
    """The verdict as a document. A model with labels of its own decides the category alone, the rules the rest."""
    if model is None or set(model.labels) <= set(TicketCategory):
        return asdict(classify(ticket.title, ticket.body, model))
    found, decisive = model.explained(ticket.title, ticket.body, _DECISIVE)
    words = ", ".join(f'"{word}"' for word in decisive)
    verdict = asdict(classify(ticket.title, ticket.body))
    others = [reason for reason in verdict["reasons"] if not reason.startswith("category ")]
    return {
        **verdict,
        "category": found.label,
        "confidence": found.confidence,
        "needs_review": not found.is_sure,
        "reasons": (f"category {found.label}: {words or 'the most frequent one'}", *others),
    }


def as_json_line(number: int, verdict: dict[str, Any]) -> str:
    """``verdict`` on the ticket of line ``number`` as one line of JSON."""
    return json.dumps({"line": number, **verdict}, ensure_ascii=False)


def as_text(number: int, title: str, verdict: dict[str, Any]) -> str:
    """``verdict`` on the ticket of line ``number`` for a person to read."""
    review = "  needs review" if verdict["needs_review"] else ""
    head = (
        f"{number:>5}  {verdict['priority']}  {verdict['severity']:<8}  {verdict['category']:<15}  "
        f"{verdict['confidence']:.2f}"
    )
    labels = [f"labels: {', '.join(verdict['labels'])}"] if verdict["labels"] else []
    details = [*verdict["reasons"], *labels]
    return "\n".join([f"{head}  {' '.join(title.split())[:80]}{review}", *(f"{'':7}{detail}" for detail in details)])
