"""What a trace says of each decision of a flag: an event on the span of the work.

Names: https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/ Neither the value, which may be
anything, nor the context, which names people.
"""

from typing import Final

from openfeature.flag_evaluation import FlagEvaluationDetails, FlagValueType, Reason
from openfeature.hook import Hook, HookContext, HookHints
from opentelemetry import trace

from aiops_common.flags.metrics import EVALUATIONS

EVENT: Final = "feature_flag.evaluation"
# Not imported from opentelemetry.semconv, which names what is not stable yet only for those who copy it.
KEY: Final = "feature_flag.key"
VARIANT: Final = "feature_flag.result.variant"
REASON: Final = "feature_flag.result.reason"
PROVIDER: Final = "feature_flag.provider.name"
VERSION: Final = "feature_flag.version"
ERROR: Final = "error.type"
_NO_VARIANT: Final = "default"


class Telling(Hook):
    """Counts each decision and notes it on the current span; flags that nobody has made are no decision."""

    def finally_after(
        self, hook_context: HookContext, details: FlagEvaluationDetails[FlagValueType], hints: HookHints
    ) -> None:
        """After each evaluation, also one that failed."""
        del hints
        if details.reason == Reason.DEFAULT:
            return
        EVALUATIONS.labels(details.flag_key, details.variant or _NO_VARIANT).inc()
        span = trace.get_current_span()
        if not span.is_recording():
            return
        provider = hook_context.provider_metadata
        told = {
            KEY: details.flag_key,
            PROVIDER: provider.name if provider else None,
            VARIANT: details.variant,
            REASON: str(details.reason).lower() if details.reason else None,
            VERSION: details.flag_metadata.get("version"),
            ERROR: str(details.error_code.value).lower() if details.error_code else None,
        }
        span.add_event(EVENT, {name: value for name, value in told.items() if value is not None})
