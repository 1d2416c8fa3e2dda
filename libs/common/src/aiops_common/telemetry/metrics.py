"""What became of the spans that ended."""

from prometheus_client import Counter

SPANS = Counter(
    "aiops_spans_exported_total",
    "Spans by destination: sent, dropped because too many waited, failed to be sent",
    ["exporter", "outcome"],
)
