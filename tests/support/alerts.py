"""The alert rules, their tests and their runbook entries, as they are committed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from support.dashboards import ALERTS
from support.servers import ROOT

PROMETHEUS = ALERTS.parent
CONFIGURATION = PROMETHEUS / "prometheus.yaml"
TESTS = PROMETHEUS / "alerts_test.yaml"
RUNBOOK = ROOT / "docs" / "runbook.md"

_QUERY = re.compile(
    r"`((?:(?:sum|max|topk|histogram_quantile|rate)[ (]|up\b|aiops_|rabbitmq_|otelcol_|process_)[^`]*)`"
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One rule that alerts."""

    name: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


@cache
def alerts() -> dict[str, Alert]:
    """Name → rule; a name that is there twice is an error."""
    found: dict[str, Alert] = {}
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            assert name not in found, f"two alerts are called {name}"
            found[name] = Alert(name, rule["expr"], rule["labels"], rule["annotations"])
    return found


def expectations() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(alert, what must fire) for every look that alerts_test.yaml takes."""
    for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]:
        for look in test["alert_rule_test"]:
            yield look["alertname"], look["exp_alerts"]


def entries() -> dict[str, str]:
    """Heading → text of each entry under "Alerts" in the runbook."""
    section = RUNBOOK.read_text(encoding="utf-8").partition("\n## Alerts\n")[2].partition("\n## ")[0]
    _, *parts = re.split(r"^### (.+)\n", section, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def queries(text: str) -> list[str]:
    """The PromQL that ``text`` has in backticks."""
    return [re.sub(r"\s+", " ", query) for query in _QUERY.findall(text)]
