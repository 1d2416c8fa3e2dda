"""Use cases of the changelog service."""

from aiops_changelog.service.generation import SOURCE, ChangelogService, redacted_command
from aiops_changelog.service.review import ChangelogReview

__all__ = ["SOURCE", "ChangelogReview", "ChangelogService", "redacted_command"]
