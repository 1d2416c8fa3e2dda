"""Relay connections."""

from collections.abc import Awaitable, Callable
from typing import Generic, Self, TypeVar

import strawberry

from aiops_contracts.base import Snapshot
from aiops_gateway.domain.paging import Position
from aiops_gateway.repository.read_model import Page, position

N = TypeVar("N")
S = TypeVar("S", bound=Snapshot)


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[N]):
    cursor: str
    node: N


@strawberry.type
class Connection(Generic[N]):
    edges: list[Edge[N]]
    page_info: PageInfo
    counter: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The nodes of the edges, for clients that need no cursors.")
    def nodes(self) -> list[N]:
        return [edge.node for edge in self.edges]

    @strawberry.field(description="How many there are on all pages; counted only when asked for.")
    async def total_count(self) -> int:
        return await self.counter()

    @classmethod
    def of(
        cls,
        nodes: list[tuple[Position, N]],
        *,
        has_next: bool,
        has_previous: bool,
        counter: Callable[[], Awaitable[int]],
    ) -> Self:
        """A page of nodes with their places in the list."""
        edges = [Edge(cursor=place.cursor(), node=node) for place, node in nodes]
        return cls(
            edges=edges,
            page_info=PageInfo(
                has_next_page=has_next,
                has_previous_page=has_previous,
                start_cursor=edges[0].cursor if edges else None,
                end_cursor=edges[-1].cursor if edges else None,
            ),
            counter=counter,
        )


def connection(page: Page[S], node: Callable[[S], N], counter: Callable[[], Awaitable[int]]) -> Connection[N]:
    """A page of snapshots as a connection."""
    nodes = [(position(snapshot), node(snapshot)) for snapshot in page.rows]
    return Connection.of(nodes, has_next=page.has_next, has_previous=page.has_previous, counter=counter)
