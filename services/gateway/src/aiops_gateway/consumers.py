"""What the gateway consumes: the events of all owners, into the read model; and what it is asked."""

from collections.abc import Mapping

from aiops_common.messaging.consumer import Handler
from aiops_common.messaging.requests import RequestHandler
from aiops_contracts.base import Event
from aiops_contracts.gateway import ReplayFeatureFlags
from aiops_gateway.projections import IDENTITY_EVENTS, RUN_EVENTS, SNAPSHOT_EVENTS, Projector
from aiops_gateway.service.feature_flags import FeatureFlags

EVENTS: tuple[type[Event], ...] = (*SNAPSHOT_EVENTS, *IDENTITY_EVENTS, *RUN_EVENTS)


def event_handlers(projector: Projector) -> Mapping[str, Handler]:
    """Events on ``gateway.events``."""
    return {kind.message_type: Handler(kind, projector.apply) for kind in EVENTS}


def request_handlers(flags: FeatureFlags) -> Mapping[str, RequestHandler]:
    """Requests on ``gateway.requests``."""
    return {ReplayFeatureFlags.message_type: RequestHandler(ReplayFeatureFlags, flags.replay)}
