"""What was replaced is counted by kind."""

from prometheus_client import REGISTRY

from aiops_common.redaction import redact


def _counts() -> dict[str, float]:
    samples = [one for metric in REGISTRY.collect() if metric.name == "aiops_redactions" for one in metric.samples]
    return {one.labels["kind"]: one.value for one in samples if one.name == "aiops_redactions_total"}


def test_each_replacement_counts_under_its_kind() -> None:
    before = _counts()
    redact("anna@example.com and bob@example.com at 203.0.113.7")
    redact("nothing here")
    after = _counts()
    assert {kind: after[kind] - before[kind] for kind in after if after[kind] != before[kind]} == {"EMAIL": 2, "IP": 1}
