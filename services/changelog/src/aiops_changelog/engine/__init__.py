"""The deterministic changelog engine: commits or ready entries in, a draft out. No IO."""

from aiops_changelog.engine.draft import generate, generate_from_entries, redraft

__all__ = ["generate", "generate_from_entries", "redraft"]
