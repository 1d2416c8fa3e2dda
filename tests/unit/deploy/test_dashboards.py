"""Grafana's dashboards: what the boards say, laid out without holes, and asking for what exists."""

import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest
import yaml

from support.dashboards import GRAFANA, Json, dashboards, datasources, expressions, panel_expressions, panels
from support.declared_metrics import FROM_OTHERS, declared, known_series
from support.promql import named
from support.servers import ROOT

NAMES = sorted(dashboards())
MAX_PANELS = 16
COLUMNS = 24
KINDS = {"timeseries", "stat", "table", "heatmap", "state-timeline"}
UNITS = {"short", "s", "ops", "percentunit", "bytes"}


def _generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.grafana.generate", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _anchors() -> set[str]:
    """The headings of the runbook as links name them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_committed_files_are_what_the_boards_say() -> None:
    done = _generate("--check")
    assert done.returncode == 0, done.stderr


def test_files_that_are_missing_stale_or_too_many_are_named_and_put_right(tmp_path: Path) -> None:
    for name in NAMES[1:]:
        (tmp_path / name).write_bytes((GRAFANA / "dashboards" / name).read_bytes())
    (tmp_path / NAMES[1]).write_text("{}", encoding="utf-8")
    (tmp_path / "aiops-forgotten.json").write_text("{}", encoding="utf-8")
    done = _generate("--check", str(tmp_path))
    assert done.returncode == 1
    for name in (NAMES[0], NAMES[1], "aiops-forgotten.json"):
        assert f"{name} is not what deploy/grafana/boards say; run: make dashboards" in done.stderr
    assert NAMES[2] not in done.stderr
    assert _generate(str(tmp_path)).returncode == 0
    assert _generate("--check", str(tmp_path)).returncode == 0


def test_there_is_an_overview_and_one_for_each_concern() -> None:
    concerns = ("overview", "api", "messaging", "engines", "data", "processes", "accounts")
    assert {f"aiops-{concern}.json" for concern in concerns} == set(NAMES)
    assert all(dashboard["uid"] == Path(name).stem for name, dashboard in dashboards().items())
    assert len({dashboard["title"] for dashboard in dashboards().values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_panels_lie_side_by_side_without_holes(name: str) -> None:
    taken: list[tuple[int, int]] = []
    for panel in dashboards()[name]["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        taken += product(columns, range(place["y"], place["y"] + place["h"]))
    height = max(y for _, y in taken) + 1
    assert sorted(taken) == sorted(product(range(COLUMNS), range(height)))


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_one_that_grafana_reads(name: str) -> None:
    dashboard = dashboards()[name]
    # 36 is when datasources came to be named by type and uid.
    assert dashboard["schemaVersion"] >= 36
    assert dashboard["description"].endswith("?")
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource", "job", "interval"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    shown = panels(dashboard)
    assert 0 < len(shown) <= MAX_PANELS
    assert len({panel["title"] for panel in shown}) == len(shown)


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_has_what_grafana_needs(name: str) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(dashboards()[name]):
        assert panel["type"] in KINDS, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["datasource"] == chosen, panel["title"]
        assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs), panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == chosen, panel["title"]
            assert target["instant"] is (panel["type"] == "table"), panel["title"]
        steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert steps[0] is None, panel["title"]
        assert steps[1:] == sorted(steps[1:]), panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_a_panel_says_what_a_bad_value_means_and_where_to_read_on(name: str) -> None:
    anchors = _anchors()
    for panel in panels(dashboards()[name]):
        meaning, _, anchor = panel["description"].partition("\n\nWhat to do: docs/runbook.md#")
        assert len(meaning) > 30, panel["title"]
        assert anchor in anchors, f"{panel['title']}: docs/runbook.md has no heading for #{anchor}"


def test_links_lead_to_dashboards_that_exist() -> None:
    uids = {dashboard["uid"] for dashboard in dashboards().values()}
    linked = {
        re.sub(r"^/d/|\?.*$", "", link["url"])
        for dashboard in dashboards().values()
        for panel in panels(dashboard)
        for link in panel.get("links", [])
    }
    assert linked <= uids
    assert linked >= {f"aiops-{one}" for one in ("api", "messaging", "engines", "data", "processes")}
    for dashboard in dashboards().values():
        assert [link["tags"] for link in dashboard["links"]] == [dashboard["tags"]]


def test_every_latency_leads_to_traces() -> None:
    (known,) = datasources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert datasources()[known["datasourceUid"]]["type"] == "jaeger"
    shown = [panel for dashboard in dashboards().values() for panel in panels(dashboard)]
    drawn = [panel for panel in shown if panel["type"] in ("timeseries", "heatmap")]
    timed = [target for panel in drawn for target in panel["targets"] if "_seconds_bucket" in target["expr"]]
    assert timed
    assert all(target["exemplar"] for target in timed)


def test_expressions_name_metrics_that_the_code_declares_with_labels_that_they_have() -> None:
    known = known_series()
    wrong = []
    for where, expr in expressions():
        for metric, labels in named(expr).metrics.items():
            if metric.startswith(FROM_OTHERS):
                continue
            if metric not in known:
                wrong.append(f"{where}: nothing declares {metric}")
            elif unknown := labels - known[metric]:
                wrong.append(f"{where}: {metric} has no label {', '.join(sorted(unknown))}")
    assert not wrong, "\n".join(wrong)


def test_every_metric_of_ours_is_shown_somewhere() -> None:
    shown = {metric for _, expr in panel_expressions() for metric in named(expr).metrics}
    assert [metric.place for metric in declared().values() if not shown & metric.series.keys()] == []


def test_series_are_named_after_labels_that_they_keep() -> None:
    wrong = [
        f"{panel['title']}: {target['legendFormat']}"
        for dashboard in dashboards().values()
        for panel in panels(dashboard)
        for target in panel["targets"]
        if not set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= named(target["expr"]).grouped
    ]
    assert not wrong, "\n".join(wrong)


def test_services_to_choose_from_are_those_that_say_what_they_are() -> None:
    for dashboard in dashboards().values():
        _, job, _ = dashboard["templating"]["list"]
        (metric, label) = re.findall(r"label_values\((\w+), (\w+)\)", job["query"]["query"])[0]
        assert label == "job"
        assert metric in known_series()


def test_provisioning_fits_what_it_is_provisioned_with() -> None:
    file = GRAFANA / "provisioning" / "dashboards" / "dashboards.yaml"
    (provider,) = yaml.safe_load(file.read_text(encoding="utf-8"))["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    prometheus = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text(encoding="utf-8"))
    assert datasources()["prometheus"]["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    assert [one["uid"] for one in datasources().values() if one.get("isDefault")] == ["prometheus"]


def test_nothing_secret_is_provisioned() -> None:
    for source in datasources().values():
        assert not {"secureJsonData", "user", "password", "basicAuth"} & source.keys()
        assert "@" not in source["url"]


def test_a_row_that_does_not_divide_the_width_is_refused() -> None:
    program = """if True:
        from deploy.grafana.panels import Dashboard, Panel, Row
        from deploy.grafana.rendering import render
        panel = Panel("Title", "Meaning", "anchor", ())
        render(Dashboard("uid", "Title", "Why?", (Row("Five", (panel,) * 5),)))
    """
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "row 'Five' has 5 panels, which do not divide 24 columns" in done.stderr


def _panel(name: str, title: str) -> Json:
    return next(panel for panel in panels(dashboards()[name]) if panel["title"] == title)


def test_the_breaker_is_shown_in_words_and_colours() -> None:
    defaults = _panel("aiops-overview.json", "Breaker of the language model")["fieldConfig"]["defaults"]
    (mapping,) = defaults["mappings"]
    assert {number: shown["text"] for number, shown in mapping["options"].items()} == {
        "0": "closed",
        "1": "half-open",
        "2": "open",
    }
    assert [step["color"] for step in defaults["thresholds"]["steps"]] == ["green", "orange", "red"]
