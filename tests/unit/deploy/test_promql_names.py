"""Which metrics and labels an expression names, as the tests of dashboards and alert rules find them."""

import pytest

from support.promql import named


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up", {"up": set()}),
        ('up{job=~"a|b", instance!="c"} == 0', {"up": {"job", "instance"}}),
        ("sum by (le, job) (rate(a_bucket[5m]))", {"a_bucket": {"le", "job"}}),
        ("sum(rate(a_total[5m])) by (code)", {"a_total": {"code"}}),
        ("max without (instance) (a)", {"a": {"instance"}}),
        ("histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m]))) > 2.5e3", {"a_bucket": {"le"}}),
        ("a / on (job) group_left (version) b offset 5m", {"a": {"job"}, "b": {"job"}}),
        ("count(a or vector(0) unless b) and absent(c)", {"a": set(), "b": set(), "c": set()}),
        ('label_replace(a{x="1"}, "new", "$1", "old", "(.*)") * on (new) b', {"a": {"x"}, "b": {"new"}}),
        ('sum by (new) (label_replace(a, "new", "", "", ""))', {"a": set()}),
        ('{__name__="a", b="1"}', {"a": {"b"}}),
        ('a{by="sum"} # not b', {"a": {"by"}}),
        ("max_over_time(deriv(a[15m])[1h:1m] @ end())", {"a": set()}),
        ("sum", {"sum": set()}),
        ("topk(3, a) + bool + -1 + inf", {"a": set()}),
    ],
)
def test_metrics_and_their_labels(expr: str, metrics: dict[str, set[str]]) -> None:
    assert named(expr).metrics == metrics


def test_labels_that_a_result_keeps() -> None:
    assert named('sum by (a, b) (rate(c{d="e"}[5m])) / ignoring (f) count without (g) (h)').grouped == {"a", "b"}


@pytest.mark.parametrize(
    ("expr", "told"),
    [
        ("sum by (a) (b", "')' is missing"),
        ('{job="a"}', "name one"),
        ('{__name__=~"a.*"}', "name one"),
        ("a ? b", "cannot read '? b'"),
        ("sum by le (a)", "'le' stands where '(' should"),
    ],
)
def test_what_cannot_be_read_is_told(expr: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")):
        named(expr)
