"""What the summarizer consumes, and who does the work."""

from collections.abc import Mapping

from aiops_common.messaging.consumer import Handler
from aiops_contracts.summarizer import SummarizeLog
from aiops_summarizer.service import SummarizerService


def command_handlers(service: SummarizerService) -> Mapping[str, Handler]:
    """Commands on ``summarizer.work``."""
    return {SummarizeLog.message_type: Handler(SummarizeLog, service.summarize, service.give_up)}
