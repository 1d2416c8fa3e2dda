"""``models``, ``activate`` and ``roll-back``: which model decides."""

import json
from typing import Any

from aiops_triage.command.database import with_database
from aiops_triage.command.tables import figure, table
from aiops_triage.repository import ModelRecord
from aiops_triage.service import RULES, Registry, Switched

_METRICS = ("macro_f1", "expected_calibration_error", "coverage", "precision_when_sure")


def listed(*, as_json: bool) -> str:
    """Every model with its metrics, the oldest first; one line of JSON for each, or a table."""
    records = with_database(lambda pool: Registry(pool).all())
    if as_json:
        return "\n".join(json.dumps(_document(record), ensure_ascii=False) for record in records)
    if not records:
        return "no model was trained yet: the rules decide alone"
    head = ["version", "trained at", "examples", "labels", *_METRICS, "active since"]
    return table(head, [_row(record) for record in records])


def activated(version: str, *, as_json: bool) -> str:
    """Make ``version`` the active one; what is active now and was before."""
    return _told(with_database(lambda pool: Registry(pool).activate(version)), as_json=as_json)


def rolled_back(*, as_json: bool) -> str:
    """Return to what was active before; what is active now and was until now."""
    return _told(with_database(lambda pool: Registry(pool).roll_back()), as_json=as_json)


def _told(change: Switched, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"version": change.version, "before": change.before})
    return f"{change.version or RULES} is active now, before it was {change.before or RULES}"


def _row(record: ModelRecord) -> list[str]:
    since = record.activated_at
    return [
        record.version,
        record.trained_at.isoformat(timespec="seconds"),
        f"{record.examples:,}",
        str(len(record.labels)),
        *(figure(record.metrics.get(name)) for name in _METRICS),
        since.isoformat(timespec="seconds") if since else "",
    ]


def _document(record: ModelRecord) -> dict[str, Any]:
    return {
        "version": record.version,
        "trainedAt": record.trained_at.isoformat(),
        "examples": record.examples,
        "labels": list(record.labels),
        "metrics": dict(record.metrics),
        "active": record.active,
        "activatedAt": record.activated_at.isoformat() if record.activated_at else None,
    }
