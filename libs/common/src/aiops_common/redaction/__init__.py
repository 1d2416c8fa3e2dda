"""Removes personal data and secrets from text: typed, numbered, reversible placeholders."""

from aiops_common.redaction.answers import restore_model
from aiops_common.redaction.redacted import Redacted
from aiops_common.redaction.scan import redact

__all__ = ["Redacted", "redact", "restore_model"]
