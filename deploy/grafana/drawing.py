"""One panel as the JSON that Grafana reads: how each kind looks."""

from collections.abc import Iterator
from string import ascii_uppercase
from typing import Any

from deploy.grafana.panels import Panel, Query

Json = dict[str, Any]

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""Whatever Prometheus the reader chose; the provisioned one by default."""

_HAND_OVER = "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"
_OPTIONS: dict[str, Json] = {
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    },
    "table": {"showHeader": True, "cellHeight": "sm", "sortBy": []},
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "reverse": False,
            "steps": 64,
            "exponent": 0.5,
            "fill": "orange",
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    },
    "state-timeline": {
        "showValue": "auto",
        "mergeValues": True,
        "rowHeight": 0.9,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    },
}


def draw(panel: Panel) -> Json:
    """``panel`` but for its id and its place."""
    rendered: Json = {
        "type": panel.kind,
        "title": panel.title,
        "description": f"{panel.description}\n\nWhat to do: docs/runbook.md#{panel.runbook}",
        "datasource": DATASOURCE,
        "targets": [
            _target(panel, letter, query) for letter, query in zip(ascii_uppercase, panel.queries, strict=False)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }
    if panel.board:
        rendered["links"] = [{"title": "Show more", "url": f"/d/{panel.board}?{_HAND_OVER}", "targetBlank": False}]
    if panel.kind == "table":
        rendered |= _columns(panel)
    return rendered


def _target(panel: Panel, letter: str, query: Query) -> Json:
    table = panel.kind == "table"
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "legendFormat": query.legend,
        "format": panel.kind if panel.kind in ("table", "heatmap") else "time_series",
        "instant": table,
        "range": not table,
        # A stat or a table has no place to draw one.
        "exemplar": "_bucket{" in query.expr and panel.kind in ("timeseries", "heatmap"),
    }


def _options(panel: Panel) -> Json:
    options = _OPTIONS[panel.kind]
    if panel.kind == "stat" and panel.bad is not None:
        return {**options, "colorMode": "background"}
    return options


def _defaults(panel: Panel) -> Json:
    lit = panel.bad is not None or panel.warn is not None
    custom: dict[str, Json] = {
        "timeseries": {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 30 if panel.stacked else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if lit else "off"},
        },
        "state-timeline": {"fillOpacity": 70, "lineWidth": 0},
        "heatmap": {"scaleDistribution": {"type": "linear"}},
    }
    names = {str(number): {"text": text, "index": number} for number, text in panel.names.items()}
    return {
        "unit": panel.unit,
        "min": 0,
        "noValue": "nothing yet" if panel.kind == "stat" else "-",
        "color": {"mode": "thresholds" if lit and panel.kind != "timeseries" else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": list(_steps(panel))},
        "mappings": [{"type": "value", "options": names}] if names else [],
        "custom": custom.get(panel.kind, {}),
    }


def _steps(panel: Panel) -> Iterator[Json]:
    yield {"color": "green", "value": None}
    for color, value in (("orange", panel.warn), ("red", panel.bad)):
        if value is not None:
            yield {"color": color, "value": value}


def _columns(panel: Panel) -> Json:
    """One row for each set of labels, one column for each query, in the query's unit."""
    # Grafana numbers the values only where there are several.
    names = ["Value"] if len(panel.queries) == 1 else [f"Value #{letter}" for letter in ascii_uppercase]
    titles = {name: query.legend for name, query in zip(names, panel.queries, strict=False)}
    overrides = [
        {"matcher": {"id": "byName", "options": query.legend}, "properties": [{"id": "unit", "value": query.unit}]}
        for query in panel.queries
        if query.unit
    ]
    return {
        "transformations": [
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": titles}},
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": overrides},
    }
