"""Composition root of the changelog service: the only place that wires."""

from functools import partial

from starlette.applications import Starlette

from aiops_changelog.consumers import command_handlers, request_handlers
from aiops_changelog.prompts import OPERATION
from aiops_changelog.repository import ChangelogRepository
from aiops_changelog.service import ChangelogReview, ChangelogService
from aiops_changelog.settings import ChangelogSettings
from aiops_common.flags import FlagOwner
from aiops_common.llm import LanguageModel, LLMSettings, build_model
from aiops_common.messaging.leases import Leases
from aiops_common.retention import Retention
from aiops_common.run_records import delete_old_runs
from aiops_common.runtime import Runtime
from aiops_common.settings import load_settings
from aiops_contracts.gateway import FeatureFlagChanged, ReplayedFeatureFlags, ReplayFeatureFlags

GATEWAY = "gateway"
"""The broker user that speaks for clients."""

FLAGS = FlagOwner(GATEWAY, FeatureFlagChanged, ReplayFeatureFlags, ReplayedFeatureFlags)


def build_app(settings: ChangelogSettings, *, model: LanguageModel | None = None) -> Starlette:
    """The whole service; ``model`` overrides the one that the environment asks for."""
    runtime = Runtime.build("changelog", settings)
    llm = load_settings(LLMSettings)
    model = model or build_model(llm)
    leases = Leases(runtime.pool, seconds=llm.longest_work_seconds if model else None)
    chain = OPERATION.chain(settings.chain, seconds=llm.work_seconds)
    old_runs = partial(delete_old_runs, older_than_days=llm.llm_runs_retention_days)
    runtime.extra.append(Retention(runtime.pool, "llm_runs", old_runs))
    repository = ChangelogRepository()
    service = ChangelogService(
        runtime.pool, repository, runtime.relay.hand_over, model, leases, chain=chain, flags=runtime.flags
    )
    review = ChangelogReview(runtime.pool, repository)
    runtime.follow_flags(FLAGS, settings)
    runtime.consume_commands(command_handlers(service), settings, speaks_for_others=GATEWAY)
    runtime.answer_requests(request_handlers(service, review), settings, asked_by={GATEWAY})
    return runtime.app()
