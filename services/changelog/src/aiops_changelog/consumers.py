"""What the changelog service consumes, and who does the work."""

from collections.abc import Mapping

from aiops_changelog.service import ChangelogService
from aiops_common.messaging.consumer import Handler
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.changelog import GenerateChangelog, ReplayChangelogs


def command_handlers(service: ChangelogService) -> Mapping[str, Handler]:
    """Commands on ``changelog.work``."""
    return {GenerateChangelog.message_type: Handler(GenerateChangelog, service.generate, service.give_up)}


def request_handlers(service: ChangelogService) -> Mapping[str, RequestHandler]:
    """Requests on ``changelog.requests``."""
    return {ReplayChangelogs.message_type: RequestHandler(ReplayChangelogs, service.replay)}
