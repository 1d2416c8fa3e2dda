"""What was found and replaced, by kind."""

from prometheus_client import Counter

from aiops_common.redaction.redacted import Kind

_REDACTIONS = Counter("aiops_redactions_total", "Personal data and secrets that were replaced", ["kind"])
BY_KIND = {str(kind): _REDACTIONS.labels(str(kind)) for kind in Kind}
