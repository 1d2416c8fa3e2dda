"""Subscriptions: the present state at once, then every change."""

from collections.abc import AsyncIterator
from typing import Any

import strawberry
from graphql import GraphQLError

from aiops_common.postgres import DatabaseUnavailable
from aiops_gateway.graphql.changelogs import Changelog
from aiops_gateway.graphql.context import Info
from aiops_gateway.graphql.ids import uuid_of
from aiops_gateway.graphql.metrics import Outcome, open_subscription
from aiops_gateway.graphql.queries import TYPES
from aiops_gateway.graphql.types import LogEntry, Ticket


@strawberry.type
class Subscription:
    @strawberry.subscription(description="One log entry, or without id all that change.")
    async def log_entry_changed(self, info: Info, id: strawberry.ID | None = None) -> AsyncIterator[LogEntry]:  # noqa: A002
        async for entry in _watch(info, "logEntryChanged", "LogEntry", id):
            yield entry

    @strawberry.subscription(description="One ticket, or without id all that change.")
    async def ticket_changed(self, info: Info, id: strawberry.ID | None = None) -> AsyncIterator[Ticket]:  # noqa: A002
        async for ticket in _watch(info, "ticketChanged", "Ticket", id):
            yield ticket

    @strawberry.subscription(description="One changelog, or without id all that change.")
    async def changelog_changed(self, info: Info, id: strawberry.ID | None = None) -> AsyncIterator[Changelog]:  # noqa: A002
        async for changelog in _watch(info, "changelogChanged", "Changelog", id):
            yield changelog


async def _watch(info: Info, operation: str, type_name: str, global_id: str | None) -> AsyncIterator[Any]:
    viewer = await info.context.require(operation)
    kind, node = TYPES[type_name]
    identity = uuid_of(global_id, type_name) if global_id is not None else None
    if global_id is not None and identity is None:
        raise GraphQLError(f"id is not the id of a {type_name}")
    observation = info.context.observation
    if observation is not None and identity is None:
        observation.finish(Outcome.OK)  # nothing is told before something changes, which may take hours
    with open_subscription(operation):
        async for seen in info.context.use_cases.reader.watch(kind, identity, viewer):
            if observation is not None and seen is not None and seen.is_change:
                observation.begin_push(seen.traceparent)
            # Who asks, and their role, are looked up for every change: what may no longer be seen is no longer sent.
            await info.context.identify()
            try:
                viewer = await info.context.require(operation)
            except DatabaseUnavailable:
                if seen is not None:
                    raise
            else:
                if seen is not None:
                    yield node.of(seen.snapshot, viewer)
