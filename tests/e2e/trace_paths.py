"""How a trace that was recorded is compared with the table of spans: as trees, not as pairs of spans."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from aiops_local.spans import Span
from e2e.trace_table import STORIES

STATEMENTS = ("BEGIN", "COMMIT", "DELETE", "INSERT", "ROLLBACK", "SELECT", "UPDATE")


class Kind(NamedTuple):
    """A line of the table."""

    service: str
    kind: str
    name: str
    attempt: int = 1

    @property
    def is_statement(self) -> bool:
        """Whether it is a statement of SQL."""
        return self.kind == "CLIENT" and self.name.split(" ")[0] in STATEMENTS

    @classmethod
    def of(cls, span: Span) -> "Kind":
        """The line for a span that was recorded."""
        attempt = int(span.attributes.get("aiops.attempt", 1))
        return cls(span.service.removeprefix("aiops-"), span.kind, span.name, attempt)


Path = tuple[Kind, ...]
"""A span as its line, after those of all that it stands below, from the root on."""


def expected(story: str) -> Counter[Path]:
    """The spans that the table names, each by its path."""
    return Counter(_paths(STORIES[story]))


def recorded(spans: Iterable[Span]) -> Counter[Path]:
    """The paths of a trace as it was recorded; spans that do not stand below a root are left out."""
    below: dict[str | None, list[Span]] = {}
    for span in spans:
        below.setdefault(span.parent_id, []).append(span)

    def walk(parent_id: str | None, above: Path) -> Iterator[Path]:
        for span in below.pop(parent_id, ()):  # taken away, so that spans in a circle end
            path = (*above, Kind.of(span))
            yield path
            yield from walk(span.span_id, path)

    return Counter(walk(None, ()))


def differences(story: str, spans: Sequence[Span]) -> list[str]:
    """How a trace differs from the table, one line for each fault; nothing where it does not.

    Of what is missing, or not in the table, with all that is below it, only the topmost is told of.
    """
    wanted, found, ids = expected(story), recorded(spans), Counter(span.span_id for span in spans)
    missing = wanted - found
    others = Counter({path: count for path, count in (found - wanted).items() if not _is_allowed(path, wanted)})
    told = [f"missing: {_shown(path)}" for path in missing.elements() if path[:-1] not in missing]
    told += [f"not in the table: {_shown(path)}" for path in others.elements() if path[:-1] not in others]
    twice = {span.span_id: span.name for span in spans if ids[span.span_id] > 1}
    told += [f"stored {ids[span_id]} times: {name}" for span_id, name in twice.items()]
    told += [f"without its parent: {span.service} {span.name}" for span in orphans(spans)]
    return sorted(told)


def _is_allowed(path: Path, wanted: Collection[Path]) -> bool:
    """Whether it is a statement beside one of the table, which does not name it there."""
    beside = any(other[:-1] == path[:-1] and other[-1].is_statement for other in wanted)
    return beside and path[-1].is_statement and path not in wanted


def orphans(spans: Iterable[Span]) -> list[Span]:
    """Spans whose parent is not in the trace."""
    known = {span.span_id for span in spans}
    return [span for span in spans if span.parent_id and span.parent_id not in known]


def service_edges() -> set[tuple[str, str]]:
    """All pairs of services, the first of which causes something in the second."""
    edges = (path[-2:] for tree in STORIES.values() for path in _paths(tree) if len(path) > 1)
    return {(parent.service, child.service) for parent, child in edges if parent.service != child.service}


def _paths(tree: str) -> Iterator[Path]:
    """Each line after those that it stands below."""
    above: list[tuple[int, Kind]] = []
    for line in filter(str.strip, tree.splitlines()):
        depth = len(line) - len(line.lstrip())
        service, kind, rest = line.strip().split(" ", 2)
        name, _, attempt = rest.partition(", attempt ")
        while above and above[-1][0] >= depth:
            above.pop()
        above.append((depth, Kind(service, kind, name, int(attempt or 1))))
        yield tuple(one for _, one in above)


def _shown(path: Path) -> str:
    steps = (f"{one.service} {one.kind} {one.name}" + f", attempt {one.attempt}" * (one.attempt > 1) for one in path)
    return " → ".join(steps)
