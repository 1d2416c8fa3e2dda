"""What the summarizer consumes, and who does the work."""

from collections.abc import Mapping

from aiops_common.messaging.consumer import Handler
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.summarizer import GetRawContent, ListLogChanges, ReplayLogs, SummarizeLog
from aiops_summarizer.raw_contents import RawContents
from aiops_summarizer.service import SummarizerService


def command_handlers(service: SummarizerService) -> Mapping[str, Handler]:
    """Commands on ``summarizer.work``."""
    return {SummarizeLog.message_type: Handler(SummarizeLog, service.summarize, service.give_up)}


def request_handlers(service: SummarizerService, raw: RawContents) -> Mapping[str, RequestHandler]:
    """Requests on ``summarizer.requests``."""
    return {
        GetRawContent.message_type: RequestHandler(GetRawContent, raw.get),
        ListLogChanges.message_type: RequestHandler(ListLogChanges, service.changes),
        ReplayLogs.message_type: RequestHandler(ReplayLogs, service.replay),
    }
