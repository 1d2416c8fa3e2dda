"""The metrics that exist: those that our code declares, and those that come with others."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR
from prometheus_client.metrics_core import Metric

from support.servers import ROOT

TARGET = frozenset(("job", "instance"))
"""Labels that Prometheus gives to whatever it scrapes."""

FROM_PROMETHEUS = {"up": TARGET, "ALERTS": TARGET | {"alertname", "alertstate", "severity"}}
"""Series that Prometheus makes by itself → their labels."""

FROM_OTHERS = ("rabbitmq_", "otelcol_")
"""How names begin that the broker and the collector expose, none of our processes."""

_KINDS = ("Counter", "Gauge", "Histogram", "Summary", "Info")
_FAMILY = "MetricFamily"
# Where labels stand among the arguments; a family's third is its value.
_LABELS_AT = {**dict.fromkeys(_KINDS, 2), **dict.fromkeys([f"{kind}{_FAMILY}" for kind in _KINDS], 3)}


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric; ``place`` is the line that declares it."""

    name: str
    kind: str
    labels: frozenset[str]
    place: str

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """Names of the series that it becomes → their labels."""
        return series_of(self.name, self.kind, self.labels)


def series_of(name: str, kind: str, labels: Iterable[str]) -> dict[str, frozenset[str]]:
    """Names of the series of a metric, as queries name them → their labels without those of the target."""
    own = frozenset(labels)
    match kind.lower():
        case "counter":
            return {f"{name.removesuffix('_total')}_total": own}
        case "histogram":
            return {f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own}
        case "info":
            return {f"{name.removesuffix('_info')}_info": own}
        case _:
            return {name: own}


def declared() -> dict[str, Declared]:
    """Name → metric, of everything that libs/ and services/ declare."""
    found = [metric for path in _sources() for metric in _in(path)]
    return {metric.name: metric for metric in found}


def known_series() -> dict[str, frozenset[str]]:
    """Every series that a query may name → its labels, but for FROM_OTHERS."""
    ours = {name: labels for metric in declared().values() for name, labels in metric.series.items()}
    return {**FROM_PROMETHEUS, **of_the_client(), **{name: labels | TARGET for name, labels in ours.items()}}


def of_the_client() -> dict[str, frozenset[str]]:
    """What prometheus_client exposes of every process."""
    series: dict[str, frozenset[str]] = {}
    families: list[Metric] = []
    for collector in (PROCESS_COLLECTOR, GC_COLLECTOR, PLATFORM_COLLECTOR):
        families += collector.collect()
    for family in families:
        for sample in family.samples:
            series[sample.name] = frozenset(sample.labels) | TARGET
    return series


def _sources() -> Iterator[Path]:
    for pattern in ("libs/*/src/**/*.py", "services/*/src/**/*.py"):
        yield from sorted(ROOT.glob(pattern))


def _in(path: Path) -> Iterator[Declared]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        # collections.Counter has no name and no help text.
        if isinstance(node, ast.Call) and _called(node) in _LABELS_AT and len(node.args) > 1:
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            (name,) = _literal([node.args[0]], constants, place)
            labels = _literal(_labels(node), constants, place)
            yield Declared(name, _called(node).removesuffix(_FAMILY), frozenset(labels), place)


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _labels(node: ast.Call) -> list[ast.expr]:
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    position = _LABELS_AT[_called(node)]
    found = given.get("labelnames") or given.get("labels")
    if found is None and len(node.args) > position:
        found = node.args[position]
    if isinstance(found, ast.List | ast.Tuple):
        return found.elts
    return [] if found is None else [ast.Starred(found)]


def _literal(nodes: list[ast.expr], constants: dict[str, ast.expr], place: str) -> list[str]:
    """The strings that stand there, or in constants of the module that are named there."""
    values: list[str] = []
    for node in nodes:
        named = node.value if isinstance(node, ast.Starred) else node
        if isinstance(named, ast.Name):
            named = constants.get(named.id, named)
        try:
            value = ast.literal_eval(named)
        except ValueError:
            raise AssertionError(f"{place}: a metric's name and labels must be written out, to be looked up") from None
        values += value if isinstance(node, ast.Starred) else [value]
    return values
