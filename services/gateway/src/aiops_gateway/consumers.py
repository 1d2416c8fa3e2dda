"""What the gateway consumes: the events of all owners, into the read model."""

from collections.abc import Mapping

from aiops_common.messaging.consumer import Handler
from aiops_contracts.base import Event
from aiops_gateway.projections import IDENTITY_EVENTS, RUN_EVENTS, SNAPSHOT_EVENTS, Projector

EVENTS: tuple[type[Event], ...] = (*SNAPSHOT_EVENTS, *IDENTITY_EVENTS, *RUN_EVENTS)


def event_handlers(projector: Projector) -> Mapping[str, Handler]:
    """Events on ``gateway.events``."""
    return {kind.message_type: Handler(kind, projector.apply) for kind in EVENTS}
