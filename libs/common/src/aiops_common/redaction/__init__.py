"""Removes personal data and secrets from text: typed, numbered, reversible placeholders."""

from aiops_common.redaction.answers import restore_model
from aiops_common.redaction.fields import redact_fields
from aiops_common.redaction.redacted import Kind, Redacted
from aiops_common.redaction.scan import redact, redact_name

__all__ = ["Kind", "Redacted", "redact", "redact_fields", "redact_name", "restore_model"]
