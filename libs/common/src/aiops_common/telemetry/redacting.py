"""What may be told of a span: its texts without personal data and secrets, however they got in.

Where a request came from and with which query string is left out altogether.
"""

from typing import Final

from opentelemetry.util.types import AttributeValue

from aiops_common.redaction.records import redact_value

LEFT_OUT: Final = frozenset(
    (
        *("url.query", "client.address", "client.port", "network.peer.address", "network.peer.port"),
        *("user_agent.original", "net.peer.ip", "net.peer.port", "http.client_ip", "http.user_agent"),
    )
)
"""Attributes of requests, by their names in the semantic conventions of HTTP, new and old."""
_ADDRESSES = frozenset(("url.full", "url.path", "http.url", "http.target"))


def told(name: str, value: AttributeValue) -> AttributeValue:
    """``value`` as it may leave the process under ``name``; always the same for the same two."""
    if name in _ADDRESSES and isinstance(value, str):
        value = value.partition("?")[0]
    redacted: AttributeValue = redact_value(name, value)
    return redacted
