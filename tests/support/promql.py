"""What a PromQL expression names: metrics, and the labels that it expects each of them to have.

No parser: it reads what stands in our dashboards and alert rules, and says so where it cannot. Whether an expression is
valid is for Prometheus itself to say (promtool).
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|\[[^\]]*\])                      # blanks, comments, windows of time
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
      | (?P<number>(?:\d|\.\d)[\w.]*)                         # durations too
      | (?P<name>[a-zA-Z_:][\w:]*)
      | (?P<sign>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){},@])""",
    re.VERBOSE,
)
_AGGREGATORS = frozenset(
    (
        *("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile"),
        *("count_values", "limitk", "limit_ratio"),
    )
)
_GROUPING = frozenset(("by", "without"))
_MATCHING = frozenset(("on", "ignoring"))
_TAKING_OVER = frozenset(("group_left", "group_right"))
_WORDS = frozenset(("and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"))
_RELABELLING = frozenset(("label_replace", "label_join"))


@dataclass(slots=True)
class _Use:
    """One selector; what stands around a relabelling function is no label of the metric itself."""

    metric: str
    labels: set[str]
    relabelled: bool = False

    def expect(self, labels: set[str]) -> None:
        if not self.relabelled:
            self.labels |= labels


@dataclass(frozen=True, slots=True)
class Named:
    """``metrics``: name → labels that are matched, grouped or joined by. ``grouped``: labels that a result keeps."""

    metrics: dict[str, set[str]]
    grouped: set[str] = field(default_factory=set)


def named(expr: str) -> Named:
    """What ``expr`` names. Raises ValueError for what this cannot read."""
    reader = _Reader(expr)
    metrics: dict[str, set[str]] = defaultdict(set)
    for use in reader.group(until=""):
        metrics[use.metric] |= use.labels
    return Named(dict(metrics), reader.grouped)


class _Reader:
    def __init__(self, expr: str) -> None:
        self._expr = expr
        self._tokens = [*_tokens(expr), ""]
        self._at = 0
        self.grouped: set[str] = set()

    def group(self, until: str) -> list[_Use]:
        """The selectors up to the closing ``until``, which is taken too."""
        uses: list[_Use] = []
        joined: set[str] = set()
        while (token := self._next()) != until:
            if token == "":
                raise ValueError(f"{until!r} is missing in {self._expr!r}")
            if token in _MATCHING:
                joined |= self._labels()
            elif token in _TAKING_OVER:
                if self._peek() == "(":
                    self._labels()
            elif token == "(":
                uses += self.group(until=")")
            elif token == "{":
                uses.append(self._anonymous())
            elif token[0].isalpha() or token[0] in "_:":
                uses += self._word(token)
        for use in uses:
            use.expect(joined)
        return uses

    def _word(self, word: str) -> list[_Use]:
        following = self._peek()
        if word in _AGGREGATORS and (following == "(" or following in _GROUPING):
            return self._aggregation()
        if word in _WORDS:
            return []
        if following == "(":
            self._next()
            uses = self.group(until=")")
            for use in uses:
                use.relabelled |= word in _RELABELLING
            return uses
        return [_Use(word, set(self._matchers()) if following == "{" else set())]

    def _aggregation(self) -> list[_Use]:
        labels = self._clause()
        self._take("(")
        uses = self.group(until=")")
        labels |= self._clause()
        for use in uses:
            use.expect(labels)
        return uses

    def _clause(self) -> set[str]:
        """The labels of ``by`` or ``without``, if one of them comes next."""
        if self._peek() not in _GROUPING:
            return set()
        keeps = self._next() == "by"
        labels = self._labels()
        self.grouped |= labels if keeps else set()
        return labels

    def _labels(self) -> set[str]:
        self._take("(")
        labels = set()
        while (token := self._next()) != ")":
            labels |= {token} - {","}
        return labels

    def _matchers(self) -> dict[str, tuple[str, str]]:
        """Label → (operator, value) of what stands in braces."""
        self._take("{")
        return self._matchers_inside()

    def _matchers_inside(self) -> dict[str, tuple[str, str]]:
        found = {}
        while (label := self._next()) != "}":
            if label != ",":
                found[label] = (self._next(), self._next())
        return found

    def _anonymous(self) -> _Use:
        matchers = self._matchers_inside()
        match matchers.pop("__name__", None):
            case ("=", name):
                return _Use(name.strip("\"'`"), set(matchers))
            case other:
                raise ValueError(f"nobody can tell which metrics {other} selects in {self._expr!r}: name one")

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, token: str) -> None:
        if (found := self._next()) != token:
            raise ValueError(f"{found!r} stands where {token!r} should in {self._expr!r}")


def _tokens(expr: str) -> Iterator[str]:
    at = 0
    while at < len(expr):
        match = _TOKEN.match(expr, at)
        if match is None:
            raise ValueError(f"cannot read {expr[at : at + 20]!r} in {expr!r}")
        at = match.end()
        if match.lastgroup != "skip":
            yield match.group()
