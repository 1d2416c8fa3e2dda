"""What the changelog service consumes, and who does the work."""

from collections.abc import Mapping

from aiops_changelog.service import ChangelogReview, ChangelogService
from aiops_common.messaging.consumer import Handler
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.changelog import (
    EditChangelog,
    GenerateChangelog,
    ListChangelogChanges,
    ReplayChangelogs,
    UpdateChangelogStatus,
)


def command_handlers(service: ChangelogService) -> Mapping[str, Handler]:
    """Commands on ``changelog.work``."""
    return {GenerateChangelog.message_type: Handler(GenerateChangelog, service.generate, service.give_up)}


def request_handlers(service: ChangelogService, review: ChangelogReview) -> Mapping[str, RequestHandler]:
    """Requests on ``changelog.requests``."""
    return {
        EditChangelog.message_type: RequestHandler(EditChangelog, review.edit),
        UpdateChangelogStatus.message_type: RequestHandler(UpdateChangelogStatus, review.update_status),
        ListChangelogChanges.message_type: RequestHandler(ListChangelogChanges, review.changes),
        ReplayChangelogs.message_type: RequestHandler(ReplayChangelogs, service.replay),
    }
