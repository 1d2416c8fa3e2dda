"""Grafana's dashboards as they are committed, and every expression that somebody relies on."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from support.servers import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"

Json = dict[str, Any]

# As Grafana fills them in; the longest names first, one is the beginning of another.
_VARIABLES = {
    "$__rate_interval": "5m",
    "$__range": "1h",
    "$__tags": 'job="triage"',
    "$interval": "5m",
    "$job": "auth|changelog|gateway|summarizer|triage",
}


@cache
def dashboards() -> dict[str, Json]:
    """File name → dashboard."""
    found = sorted((GRAFANA / "dashboards").glob("*.json"))
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in found}


def panels(dashboard: Json) -> list[Json]:
    """The panels that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def filled(expr: str) -> str:
    """``expr`` as Prometheus gets it, with some value for each variable."""
    for variable, value in _VARIABLES.items():
        expr = expr.replace(variable, value)
    return expr


def panel_expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of every query of every panel, as Prometheus gets it."""
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield f"{name}: {panel['title']} ({target['refId']})", filled(target["expr"])


def datasources() -> dict[str, Json]:
    """uid → datasource, as provisioned."""
    file = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "datasources.yaml").read_text(encoding="utf-8"))
    return {one["uid"]: one for one in file["datasources"]}


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of everything: panels, links from spans to metrics, alert rules."""
    yield from panel_expressions()
    for query in datasources()["jaeger"]["jsonData"]["tracesToMetrics"]["queries"]:
        yield f"datasources.yaml: {query['name']}", filled(query["query"].replace("$$", "$"))
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            yield f"alerts.yaml: {rule.get('alert', rule.get('record'))}", rule["expr"]
