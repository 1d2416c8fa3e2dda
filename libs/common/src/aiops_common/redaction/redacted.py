"""The outcome of a redaction: text with typed, numbered placeholders, and the mapping back, kept in this process."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a placeholder stands for."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    IBAN = "IBAN"
    CARD = "CARD"
    SSN = "SSN"
    IP = "IP"
    JWT = "JWT"
    PEM = "PEM"
    KEY = "KEY"
    SECRET = "SECRET"  # noqa: S105 - the name of a kind, not a password


PLACEHOLDER = re.compile(rf"<({'|'.join(Kind)})_([1-9][0-9]{{0,8}})>")
"""What a placeholder looks like: ``<EMAIL_1>``."""


@dataclass(frozen=True, slots=True)
class Redacted:
    """``text`` is fit to store, log or send. ``count`` is the number of replaced spans, ``kinds`` the same by kind.

    ``originals`` maps a placeholder to what stood there; it is left out of repr so that it cannot reach a log.
    """

    text: str
    count: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    originals: Mapping[str, str] = field(default_factory=dict, repr=False)

    def restore(self, text: str) -> str:
        """``text`` with this redaction's placeholders replaced by what they stand for; others are left alone."""
        if not self.originals or "<" not in text:
            return text
        return PLACEHOLDER.sub(lambda match: self.originals.get(match[0], match[0]), text)
