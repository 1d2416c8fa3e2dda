"""Who may speak with whom, as NetworkPolicies say it, and as the table of docs/architecture.md says it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

Labels = Mapping[str, str]
Document = dict[str, Any]


class Edge(NamedTuple):
    """A way from one pod, or from without, to another one; who is outside of the namespace stands in asterisks."""

    source: str
    target: str
    port: int


def allowed(policies: Iterable[Document], pods: Mapping[str, Labels], direction: str) -> set[Edge]:
    """What rules of one direction, Ingress or Egress, allow; ``pods`` are the labels of each pod by its name."""
    edges = set()
    for policy in policies:
        spec = policy["spec"]
        if direction not in spec["policyTypes"]:
            continue
        own = [name for name, labels in pods.items() if selects(spec["podSelector"], labels)]
        for rule in spec.get(direction.lower(), []):
            ports = [entry["port"] for entry in rule["ports"]]
            for other, one, port in product(_peers(rule, pods), own, ports):
                edges.add(Edge(other, one, port) if direction == "Ingress" else Edge(one, other, port))
    return edges


def selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a label selector matches."""
    wanted = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in expressions), "this reads no other operator"
    listed = all(labels.get(one["key"]) in one["values"] for one in expressions)
    return bool(wanted.items() <= labels.items()) and listed


def _peers(rule: Document, pods: Mapping[str, Labels]) -> Iterator[str]:
    peers = rule.get("from", rule.get("to"))
    if peers is None:
        yield "*anywhere*"
    for peer in peers or ():
        if "ipBlock" in peer:
            yield "*internet*"
        elif "namespaceSelector" in peer:
            yield f"*{peer['namespaceSelector']['matchLabels']['kubernetes.io/metadata.name']}*"
        else:
            yield from (name for name, labels in pods.items() if selects(peer["podSelector"], labels))


def table(text: str, everybody: Iterable[str]) -> set[Edge]:
    """The edges of the table below the heading `Who speaks with whom` of a Markdown text."""
    section = text.split("## Who speaks with whom")[1].split("\n## ", maxsplit=1)[0]
    rows = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("| ")]
    edges = set()
    for sources, targets, ports, _ in rows[2:]:
        named = everybody if sources == "everybody" else sources.split(", ")
        ways = product(named, targets.split(", "), ports.split(", "))
        edges |= {Edge(source, target, int(port)) for source, target, port in ways}
    return edges
