"""Choosing dead letters: which choices cannot be, and how that is told."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

MOST_CHOSEN: Final = 1_000
"""Letters that one replay may name."""


class BadChoice(Exception):
    """Dead letters were named that cannot all be replayed; none was.

    ``places`` are where those that are in the way stand among the named ones, ``letters`` their ids where they are
    known.
    """

    def __init__(self, message: str, places: Sequence[int] = (), letters: Collection[UUID] = ()) -> None:
        super().__init__(message)
        self.places = tuple(places)
        self.letters = tuple(sorted(letters))


class UnknownLetters(BadChoice):
    """Some of the named dead letters are not in the queue; none was replayed."""

    @classmethod
    def among(cls, ids: Sequence[UUID | None], missing: Collection[UUID] = ()) -> "UnknownLetters":
        """Those of ``ids`` that are ``missing``, or None, which stands for what is no letter's id."""
        message = "the queue has no such dead letter, or somebody else is looking at it now; nothing was replayed"
        return cls(message, places(ids, {None, *missing}), missing)


def chosen(ids: Sequence[UUID | None]) -> frozenset[UUID]:
    """The letters that are named.

    Raises:
        BadChoice: none, or more than MOST_CHOSEN.
        UnknownLetters: there is None among them.
    """
    if not ids:
        raise BadChoice("name at least one dead letter, or leave ids out to replay all of the queue")
    if len(ids) > MOST_CHOSEN:
        raise BadChoice(f"name at most {MOST_CHOSEN:,} dead letters, not {len(ids):,}, or leave ids out to replay all")
    if None in ids:
        raise UnknownLetters.among(ids)
    return frozenset(identity for identity in ids if identity is not None)


def places(ids: Sequence[UUID | None], wanted: Collection[UUID | None]) -> list[int]:
    """Where those of ``ids`` stand that are ``wanted``, counted from 0."""
    return [place for place, identity in enumerate(ids) if identity in wanted]
