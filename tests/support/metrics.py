"""How much a metric of this process rose."""

from prometheus_client import REGISTRY


def value(name: str, **labels: str) -> float | None:
    """What the metric says now, None where there is no such series."""
    return REGISTRY.get_sample_value(name, labels)


class Counted:
    """A series that is watched from here on; one that does not exist yet counts as 0."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name = name
        self._labels = labels
        self._before = value(name, **labels) or 0.0

    @property
    def more(self) -> float:
        """By how much it rose."""
        return (value(self._name, **self._labels) or 0.0) - self._before


def series_of(*prefixes: str) -> int:
    """How many series there are of metrics whose names begin so."""
    return sum(sample.name.startswith(prefixes) for family in REGISTRY.collect() for sample in family.samples)
