"""The network policies allow the edges of the table in docs/architecture.md, at both ends, and no other one."""

import pytest

from support.manifests import documents, of_kind
from support.network_edges import Edge, allowed, selects, table
from support.servers import ROOT

POLICIES = list(of_kind("NetworkPolicy").values())
PODS = {
    one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
    for one in documents()
    if one["kind"] in ("Deployment", "StatefulSet", "Job")
}
# CloudNativePG puts its own label on servers and on the jobs that make their data, `inheritedMetadata` on servers only:
# https://github.com/cloudnative-pg/cloudnative-pg/blob/v1.27.0/pkg/specs/jobs.go
(CLUSTER,) = of_kind("Cluster").values()
OF_CLUSTER = {"cnpg.io/cluster": CLUSTER["metadata"]["name"]}
PODS |= {
    "postgres": CLUSTER["spec"]["inheritedMetadata"]["labels"] | OF_CLUSTER,
    "postgres-jobs": {"app.kubernetes.io/name": "postgresql", "app.kubernetes.io/component": "database"} | OF_CLUSTER,
}
TABLE = table((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), PODS)


def _is_outside(name: str) -> bool:
    return name.startswith("*")


def test_every_edge_of_the_table_is_allowed_where_it_begins() -> None:
    assert allowed(POLICIES, PODS, "Egress") == {edge for edge in TABLE if not _is_outside(edge.source)}


def test_every_edge_of_the_table_is_allowed_where_it_ends() -> None:
    assert allowed(POLICIES, PODS, "Ingress") == {edge for edge in TABLE if not _is_outside(edge.target)}


def test_without_a_rule_nothing_is_allowed() -> None:
    (deny,) = (policy["spec"] for policy in POLICIES if policy["metadata"]["name"] == "default-deny")
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(selects(deny["podSelector"], labels) for labels in PODS.values())


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: str(policy["metadata"]["name"]))
def test_a_policy_selects_somebody(policy: dict[str, object]) -> None:
    assert any(selects(policy["spec"]["podSelector"], labels) for labels in PODS.values())  # type: ignore[index]


def test_no_service_speaks_with_another_one() -> None:
    services = {name for name, labels in PODS.items() if labels["app.kubernetes.io/component"] == "service"}
    assert len(services) == 5
    assert not [edge for edge in TABLE if {edge.source, edge.target} <= services]


def test_a_selector_and_a_table_are_read_as_they_are_meant() -> None:
    assert selects({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, {"a": "2"})
    assert not selects({"matchLabels": {"a": "1"}}, {"b": "1"})
    text = (
        "## Who speaks with whom\n\n| from | to | port | for |\n| --- | --- | --- | --- |\n| a, *b* | c | 1, 2 | x |\n"
    )
    assert table(text, []) == {Edge("a", "c", 1), Edge("a", "c", 2), Edge("*b*", "c", 1), Edge("*b*", "c", 2)}
