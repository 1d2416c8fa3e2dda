"""Dashboards as the JSON that Grafana reads.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from collections.abc import Iterator
from itertools import count

from deploy.grafana.drawing import DATASOURCE, Json, draw
from deploy.grafana.panels import Dashboard, Row

COLUMNS = 24
"""What Grafana divides a page's width into."""
SCHEMA = 39
"""That of Grafana 11; later ones migrate it as they read it."""
TAG = "aiops"


def render(board: Dashboard) -> Json:
    """``board`` as Grafana stores it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.question,
        "tags": [TAG],
        "schemaVersion": SCHEMA,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [_links()],
        "annotations": {"list": []},
        "templating": {"list": _variables()},
        "panels": list(_panels(board.rows)),
    }


def _links() -> Json:
    dashboards = {"type": "dashboards", "tags": [TAG], "asDropdown": False, "title": "", "tooltip": "", "url": ""}
    return {**dashboards, "icon": "dashboard", "includeVars": True, "keepTime": True, "targetBlank": False}


def _variables() -> list[Json]:
    windows = ("1m", "5m", "15m", "1h")
    return [
        {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1},
        {
            "name": "job",
            "label": "Service",
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"qryType": 1, "query": "label_values(aiops_build_info, job)", "refId": "job"},
            "definition": "label_values(aiops_build_info, job)",
            "refresh": 2,
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        },
        {
            "name": "interval",
            "label": "Rate over",
            "type": "interval",
            "query": ",".join(windows),
            # At least four scrapes (of 15 s): fewer and a missed one is a hole.
            "auto": True,
            "auto_min": windows[0],
            "auto_count": 60,
            "refresh": 2,
            "current": {"selected": True, "text": "auto", "value": "$__auto_interval_interval"},
            "options": [
                {"selected": True, "text": "auto", "value": "$__auto_interval_interval"},
                *({"selected": False, "text": window, "value": window} for window in windows),
            ],
        },
    ]


def _panels(rows: tuple[Row, ...]) -> Iterator[Json]:
    """Every row as its heading and its panels, which share the width evenly."""
    ids, y = count(1), 0
    for row in rows:
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": next(ids), "type": "row", "title": row.title, "collapsed": False, "gridPos": place, "panels": []}
        width, over = divmod(COLUMNS, len(row.panels))
        if over:
            raise ValueError(f"row {row.title!r} has {len(row.panels)} panels, which do not divide {COLUMNS} columns")
        for number, panel in enumerate(row.panels):
            place = {"x": number * width, "y": y + 1, "w": width, "h": row.height}
            yield {"id": next(ids), "gridPos": place, **draw(panel)}
        y += 1 + row.height
