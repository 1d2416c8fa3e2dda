"""OpenFeature's way to the flags that this process knows: https://openfeature.dev/specification/sections/providers"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import TargetingKeyMissingError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, Metadata

from aiops_common.flags.deciding import Context, Decision, NoWork, decide
from aiops_contracts.base import FeatureFlag, FlagKind

NAME: Final = "aiops"
PRINCIPAL: Final = "principal"
ROLE: Final = "role"
ON: Final = "on"
OFF: Final = "off"

V = TypeVar("V", bool, str)
_Structure = Sequence[FlagValueType] | Mapping[str, FlagValueType]


class KnownFlagsProvider(AbstractProvider):
    """Answers from ``known``, which gives all flags by their keys; it asks nobody, so it never fails for an outage.

    A flag that nobody has made leaves the default, and that is no error: flags are made when they are needed.
    """

    def __init__(self, known: Callable[[], Mapping[str, FeatureFlag]]) -> None:
        super().__init__()
        self._known = known

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata(name=NAME)

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """True where the flag is on. Raises what the specification names for a flag of another kind."""
        flag = self._flag(flag_key, FlagKind.BOOLEAN)
        if flag is None:
            return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)
        decision = _decided(flag, evaluation_context)
        return _details(flag, decision, decision.is_on)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """What the flag says where it is on, else the default. Raises as ``resolve_boolean_details``."""
        flag = self._flag(flag_key, FlagKind.STRING)
        if flag is None or flag.value is None:
            return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)
        decision = _decided(flag, evaluation_context)
        return _details(flag, decision, flag.value if decision.is_on else default_value)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """There are none."""
        del default_value, evaluation_context
        raise _no_such_kind(flag_key)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """There are none."""
        del default_value, evaluation_context
        raise _no_such_kind(flag_key)

    def resolve_object_details(
        self, flag_key: str, default_value: _Structure, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[_Structure]:
        """There are none."""
        del default_value, evaluation_context
        raise _no_such_kind(flag_key)

    def _flag(self, key: str, kind: FlagKind) -> FeatureFlag | None:
        flag = self._known().get(key)
        if flag is not None and flag.kind is not kind:
            raise TypeMismatchError(f"{key} is a {flag.kind}, and was asked for as a {kind}")
        return flag


def _decided(flag: FeatureFlag, asked: EvaluationContext | None) -> Decision:
    attributes = asked.attributes if asked else {}
    principal, role = attributes.get(PRINCIPAL), attributes.get(ROLE)
    context = Context(
        asked.targeting_key if asked else None,
        principal if isinstance(principal, str) else None,
        role if isinstance(role, str) else None,
    )
    try:
        return decide(flag, context)
    except NoWork as error:
        raise TargetingKeyMissingError(str(error)) from None


def _details(flag: FeatureFlag, decision: Decision, value: V) -> FlagResolutionDetails[V]:
    return FlagResolutionDetails(
        value,
        reason=decision.reason,
        variant=ON if decision.is_on else OFF,
        flag_metadata={"version": str(flag.version)},
    )


def _no_such_kind(key: str) -> TypeMismatchError:
    return TypeMismatchError(f"{key}: flags are BOOLEAN or STRING, there are none of another kind")
