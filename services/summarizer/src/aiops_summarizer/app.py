"""Composition root of the summarizer: the only place that wires."""

from functools import partial

from starlette.applications import Starlette

from aiops_common.flags import FlagOwner
from aiops_common.llm import LanguageModel, LLMSettings, build_model
from aiops_common.messaging.leases import Leases
from aiops_common.retention import Retention
from aiops_common.run_records import delete_old_runs
from aiops_common.runtime import Runtime
from aiops_common.sealing import Keyring
from aiops_common.settings import load_settings
from aiops_contracts.gateway import FeatureFlagChanged, ReplayedFeatureFlags, ReplayFeatureFlags
from aiops_summarizer.consumers import command_handlers, request_handlers
from aiops_summarizer.prompts import OPERATION
from aiops_summarizer.raw_contents import RawContents
from aiops_summarizer.repository import LogRepository, RawContentRepository
from aiops_summarizer.service import SummarizerService
from aiops_summarizer.settings import SummarizerSettings

GATEWAY = "gateway"
"""The broker user that speaks for clients."""

FLAGS = FlagOwner(GATEWAY, FeatureFlagChanged, ReplayFeatureFlags, ReplayedFeatureFlags)


def build_app(settings: SummarizerSettings, *, model: LanguageModel | None = None) -> Starlette:
    """The whole service; ``model`` overrides the one that the environment asks for."""
    runtime = Runtime.build("summarizer", settings)
    llm = load_settings(LLMSettings)
    model = model or build_model(llm)
    leases = Leases(runtime.pool, seconds=llm.longest_work_seconds if model else None)
    chain = OPERATION.chain(settings.chain, seconds=llm.work_seconds)
    old_runs = partial(delete_old_runs, older_than_days=llm.llm_runs_retention_days)
    runtime.extra.append(Retention(runtime.pool, "llm_runs", old_runs))
    stored = RawContentRepository()
    raw = RawContents(runtime.pool, stored, Keyring.parse(settings.content_keys))
    old_logs = partial(stored.delete_old, older_than_days=settings.raw_retention_days)
    runtime.extra.append(Retention(runtime.pool, "raw_contents", old_logs))
    service = SummarizerService(
        runtime.pool,
        LogRepository(),
        raw,
        runtime.relay.hand_over,
        model,
        leases,
        chain=chain,
        flags=runtime.flags,
    )
    runtime.follow_flags(FLAGS, settings)
    runtime.consume_commands(command_handlers(service), settings, speaks_for_others=GATEWAY)
    runtime.answer_requests(request_handlers(service, raw), settings, asked_by={GATEWAY})
    return runtime.app()
