"""Replay: an owner gives away everything that it has, in pages that fit into a message."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

E = TypeVar("E")
S = TypeVar("S", bound=BaseModel)
K = TypeVar("K")

PAGE_BYTES = 1024 * 1024
"""A page ends before the snapshot with which its JSON would be larger than this; but it has at least one."""

ROWS_AT_ONCE = 16
"""Rows to fetch together for a page: a row may hold megabytes, and the page may be full after the first."""


@dataclass(frozen=True, slots=True)
class Page(Generic[S, K]):
    """Snapshots in the order of their keys; ``next_after`` is the last one's key, None where nothing follows."""

    snapshots: tuple[S, ...]
    next_after: K | None


async def cut_page(
    entities: AsyncGenerator[E], snapshot: Callable[[E], S], key: Callable[[S], K], *, limit: int
) -> Page[S, K]:
    """As many of ``entities``, which come in the order of their keys, as fit into a page of at most ``limit``.

    No more of them are read than it takes to know whether something follows.
    """
    taken: list[S] = []
    size = 0
    async with aclosing(entities):
        async for entity in entities:
            one = snapshot(entity)
            size += len(one.model_dump_json().encode())
            if taken and (len(taken) == limit or size > PAGE_BYTES):
                return Page(tuple(taken), key(taken[-1]))
            taken.append(one)
    return Page(tuple(taken), None)
