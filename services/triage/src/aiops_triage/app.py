"""Composition root of triage: the only place that wires."""

from functools import partial

from starlette.applications import Starlette

from aiops_common.flags import FlagOwner
from aiops_common.llm import LanguageModel, LLMSettings, build_model
from aiops_common.messaging.leases import Leases
from aiops_common.retention import Retention
from aiops_common.run_records import delete_old_runs
from aiops_common.runtime import Runtime
from aiops_common.settings import load_settings
from aiops_contracts.gateway import FeatureFlagChanged, ReplayedFeatureFlags, ReplayFeatureFlags
from aiops_triage.consumers import command_handlers, request_handlers
from aiops_triage.prompts import OPERATION
from aiops_triage.repository import TicketRepository, delete_old_terms
from aiops_triage.service import ActiveModels, TriageService
from aiops_triage.settings import TriageSettings

GATEWAY = "gateway"
"""The broker user that speaks for clients."""

FLAGS = FlagOwner(GATEWAY, FeatureFlagChanged, ReplayFeatureFlags, ReplayedFeatureFlags)


def build_app(settings: TriageSettings, *, model: LanguageModel | None = None) -> Starlette:
    """The whole service; ``model`` overrides the one that the environment asks for."""
    runtime = Runtime.build("triage", settings)
    llm = load_settings(LLMSettings)
    model = model or build_model(llm)
    leases = Leases(runtime.pool, seconds=llm.longest_work_seconds if model else None)
    chain = OPERATION.chain(settings.chain, seconds=llm.work_seconds)
    old_runs = partial(delete_old_runs, older_than_days=llm.llm_runs_retention_days)
    runtime.extra.append(Retention(runtime.pool, "llm_runs", old_runs))
    models = ActiveModels(runtime.pool, runtime.listener, schema=runtime.name, poll_seconds=settings.model_poll_seconds)
    runtime.extra.append(models)
    runtime.notes["model"] = models.check
    old_terms = partial(delete_old_terms, older_than_days=settings.similar_days)
    runtime.extra.append(Retention(runtime.pool, "ticket_terms", old_terms))
    service = TriageService(
        runtime.pool,
        TicketRepository(),
        runtime.relay.hand_over,
        model,
        leases,
        models=models,
        chain=chain,
        flags=runtime.flags,
        asked_for=settings.llm_for,
    )
    runtime.follow_flags(FLAGS, settings)
    runtime.consume_commands(command_handlers(service), settings, speaks_for_others=GATEWAY)
    runtime.answer_requests(request_handlers(service), settings, asked_by={GATEWAY})
    return runtime.app()
