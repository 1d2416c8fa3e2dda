"""What is counted about feature flags. ``flag`` is a key that the code asks for, never one that somebody made up."""

from typing import Final

from prometheus_client import Counter

EVALUATIONS: Final = Counter(
    "aiops_flag_evaluations_total", "Times that a feature flag decided, by how it did", ["flag", "variant"]
)
