"""Every alert is tested both ways, leads to a runbook entry, and knows every service and limit that there is.

That its expression names what exists is looked at together with the dashboards'; that it fires when it should, by
promtool.
"""

import re

import pytest
import yaml

from support.alerts import CONFIGURATION, Alert, alerts, entries, expectations, queries
from support.declared_metrics import FROM_OTHERS, known_series
from support.promql import named
from support.servers import ROOT

every_alert = pytest.mark.parametrize("alert", alerts().values(), ids=alerts())


@every_alert
def test_an_alert_says_how_urgent_it_is_and_in_words_what_is_wrong(alert: Alert) -> None:
    assert alert.labels.keys() == {"severity"}
    assert alert.labels["severity"] in {"page", "ticket"}
    assert alert.annotations.keys() == {"summary", "description", "runbook_url"}
    assert len(alert.annotations["summary"]) < 100


@every_alert
def test_an_alert_is_tested_for_firing_and_for_staying_quiet(alert: Alert) -> None:
    looks = [fired for name, fired in expectations() if name == alert.name]
    assert any(looks), f"alerts_test.yaml shows nothing that sets off {alert.name}"
    assert not all(looks), f"alerts_test.yaml shows nothing that {alert.name} is quiet about"


@every_alert
def test_an_alert_leads_to_its_entry_in_the_runbook(alert: Alert) -> None:
    file, _, anchor = alert.annotations["runbook_url"].partition("#")
    assert file == "docs/runbook.md"
    assert anchor == alert.name.lower(), "headings of one word become their lower case"
    text = entries().get(alert.name, "")
    parts = re.findall(r"^- \*\*(.+?)\*\*: \S", text, re.MULTILINE)
    assert parts == ["Means", "Look at", "Do"], f"the runbook's entry {alert.name} has the parts {parts}"


def test_the_runbook_and_the_tests_have_no_alert_that_is_gone() -> None:
    assert entries().keys() == alerts().keys()
    assert {name for name, _ in expectations()} == alerts().keys()


def test_queries_in_the_runbook_name_metrics_that_exist() -> None:
    known = known_series()
    asked = [(name, query) for name, text in entries().items() for query in queries(text)]
    wrong = [
        f"{name}: no {metric} with the labels {sorted(labels)} is declared"
        for name, query in asked
        for metric, labels in named(query).metrics.items()
        if not metric.startswith(FROM_OTHERS) and not (metric in known and labels <= known[metric])
    ]
    assert not wrong, "\n".join(wrong)
    assert len(asked) > len(entries())


def test_prometheus_scrapes_every_service_and_notices_if_one_is_gone() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists()}
    jobs = {job["job_name"]: job for job in yaml.safe_load(CONFIGURATION.read_text())["scrape_configs"]}
    assert set(jobs["services"]["dns_sd_configs"][0]["names"]) == services
    assert set(re.findall(r'"job", "(\w+)"', alerts()["ServiceDown"].expr)) == services
    (listed,) = re.findall(r'job=~"([\w|]+)"', alerts()["ServiceRestarts"].expr)
    assert set(listed.split("|")) == services


def test_a_queue_counts_as_nearly_full_by_the_limit_that_it_has() -> None:
    policies = yaml.safe_load((ROOT / "deploy" / "rabbitmq" / "topology.yaml").read_text())["policies"]
    selected, limit = re.findall(r'queue=~"(.+?)".*?/ (\d+)', alerts()["QueueNearlyFull"].expr, re.DOTALL)[0]
    looked_at = {
        name: policy["definition"]["max-length-bytes"]
        for queue in ("triage.work", "gateway.events", "triage.retry.10m", "triage.dead")
        for name, policy in policies.items()
        if re.fullmatch(selected, queue) and re.search(policy["pattern"], queue)
    }
    assert looked_at == dict.fromkeys(("aiops-work", "aiops-retry", "aiops-dead"), int(limit))
