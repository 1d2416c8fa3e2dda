"""The PromQL that the dashboards are written in.

``where`` holds more matchers (``outcome="error"``). Every selector obeys the dashboard's choice of services
(``$job``), every rate its choice of a window (``$interval``).
"""

from typing import Final

from deploy.grafana.panels import Query

INTERVAL: Final = "$interval"
"""The window that the reader chose for rates."""
PAGE: Final = "$__range"
"""All the time that the dashboard shows."""


def select(metric: str, where: str = "") -> str:
    """The series of ``metric`` of the chosen services."""
    return f'{metric}{{job=~"$job"{", " if where else ""}{where}}}'


def per_second(counter: str, *by: str, where: str = "", over: str = INTERVAL) -> str:
    """How often per second, for each value of the labels ``by``."""
    return f"sum{_by(by)} (rate({select(counter, where)}[{over}]))"


def happening(expr: str) -> str:
    """``expr`` without what is 0: where most of many series are."""
    return f"{expr} > 0"


def in_range(counter: str, *by: str, where: str = "") -> str:
    """How often in the time that the dashboard shows."""
    return f"sum{_by(by)} (increase({select(counter, where)}[{PAGE}]))"


def total(gauge: str, *by: str, where: str = "") -> str:
    """The sum over processes: for what each of them has for itself."""
    return f"sum{_by(by)} ({select(gauge, where)})"


def highest(gauge: str, *by: str, where: str = "") -> str:
    """The highest that any process says: for what all replicas see alike, such as a queue, and for the worst case."""
    return f"max{_by(by)} ({select(gauge, where)})"


def share(counter: str, *by: str, of: str, among: str = "", over: str = INTERVAL) -> str:
    """The part of ``counter`` that the matchers ``of`` select, among what ``among`` selects, 0 to 1.

    No traffic is no answer, and traffic without any such part is 0.
    """
    part = per_second(counter, *by, where=f"{among}, {of}" if among else of, over=over)
    whole = per_second(counter, *by, where=among, over=over)
    return f"({part} or {whole} * 0) / ({whole} > 0)"


def quantile(of: float, histogram: str, *by: str, where: str = "") -> str:
    """The quantile ``of`` (0.95) of a histogram, estimated from its buckets."""
    return f"histogram_quantile({of:g}, {per_second(f'{histogram}_bucket', 'le', *by, where=where)})"


def latency(histogram: str, where: str = "") -> tuple[Query, ...]:
    """What half of all, all but one in twenty, and all but one in a hundred stay below."""
    return tuple(Query(quantile(of, histogram, where=where), f"p{of * 100:g}") for of in (0.5, 0.95, 0.99))


def buckets(histogram: str, where: str = "") -> Query:
    """The whole distribution, for a heatmap."""
    return Query(per_second(f"{histogram}_bucket", "le", where=where), "{{le}}")


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
