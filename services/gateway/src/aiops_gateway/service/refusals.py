"""What was refused by a limit, counted by reason."""

from enum import StrEnum
from typing import Final

from prometheus_client import Counter

from aiops_common.logging import get_logger

_log = get_logger(__name__)


class Reason(StrEnum):
    """Why a request, WebSocket or operation was refused before it was looked at."""

    RATE = "rate"
    """Too many requests from one address, or of one account."""
    SIGN_IN_RATE = "sign_in_rate"
    CONNECTIONS = "connections"
    """Too many WebSockets and streams."""
    OPERATIONS = "operations"
    """Too many operations on one WebSocket."""
    BODY_TOO_LARGE = "body_too_large"
    SLOW_BODY = "slow_body"
    BODIES_HELD = "bodies_held"
    """The bodies under way take as much memory as they may."""


_REFUSED: Final = Counter("aiops_http_refused_total", "Requests and operations that a limit refused", ["reason"])
_BY_REASON: Final = {reason: _REFUSED.labels(reason.value) for reason in Reason}


def count_refusal(reason: Reason) -> None:
    """Something was refused."""
    # No line at the usual levels: those who are refused can come as often as they like.
    _log.debug("request.refused", reason=reason.value)
    _BY_REASON[reason].inc()
